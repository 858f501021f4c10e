"""Grade a class: whoever has no results yet, several at a time, to be stopped at any moment."""

import contextlib
import hashlib
import json
import re
import secrets

from tqdm.auto import tqdm

from ..exercises.tasks import find_book
from .children import Lost, in_children
from .cluster import grade_on_cluster
from .grading import Job, given_up, grade_all
from .notebooks import amounts, printed
from .own import PACKAGE, digest, number
from .sandbox import Sandbox
from .submissions import load
from .writing import write

__all__ = ["Work", "kept_seed", "run"]

TRIES = 2  # a submission during which the whole grader was killed so often is skipped


def kept_seed(path, asked):
    """Return the seed that is asked for, or that of the run that is continued, or a new one."""
    seed = _known(path) if asked is None else asked
    return seed if isinstance(seed, int) else secrets.randbelow(1 << 31)


def run(submissions, work, options):
    """Return the results by submission; whatever ends this, what has been graded so far is kept."""
    with tqdm(total=len(submissions), unit="submission") as bar:
        try:
            for key, outcome in _graded(work.jobs(submissions), work, options):
                work.finish(key, outcome)
                bar.set_postfix_str(", ".join(s.name for s, *_ in work.running.values())[:50])
                bar.update(len(work.results) - bar.n)
        finally:
            work.forgive()
    return work.results


def _graded(jobs, work, options):
    """Yield what comes of each job: here, or on a cluster."""
    limits = {"cell_seconds": options.cell_seconds, "total_seconds": options.total_seconds}
    unsafe = options.unsafe_no_sandbox
    if options.cluster:
        folder = options.extra_checks
        same = [(str(folder.resolve()), digest(folder))] if folder else []
        setup = json.dumps([work.plan.checks, same, digest(PACKAGE), unsafe, limits])
        yield from grade_on_cluster(jobs, options.cluster, setup, work.plan.rounds)
        return
    with Sandbox(unsafe=unsafe) as sandbox:
        yield from grade_all(jobs, work.plan.rounds, sandbox, processes=options.jobs, **limits)


class Work:
    """Grades what is not known: results are kept for each exercise, with what they depend on."""

    def __init__(self, options, plan, seed, variants=None):
        self.folder, self.plan, self.seed = options.output / "results", plan, seed
        self.own_inputs, self.again = options.own_inputs, set(options.regrade)
        self.variants = variants or {}  # from the id of a submission to the seeds of its variant
        self.running, self.results, self.count = {}, {}, 0
        settings = (seed, options.cell_seconds, options.total_seconds, self.own_inputs)
        self._base = f"{settings} {digest(PACKAGE)}"
        self._own = digest(options.extra_checks) if plan.own else ""

    def jobs(self, submissions):
        """Yield a :class:`.Job` for each submission that needs to be graded, and can be."""
        known = printed(find_book())

        def reading(one, tell, lost):
            notebooks, *others = load(one)
            files = [(n.name, n.cells, amounts(n.cells, known)) for n in notebooks]
            return [files, {n.name: n.late for n in notebooks}, *others]

        for one, found in in_children(submissions, reading):
            if isinstance(found, Lost):
                why = f"its files cannot be read: {found.reason}"
                self.results[one.id] = self._nothing(why, [])
                continue
            files, times, remarks, aside = found
            contents = hashlib.sha256(repr(files).encode("utf-8", "surrogatepass")).hexdigest()
            record, waiting = self._waiting(one, contents)
            about = {"remarks": remarks, "looked_at": list(times), "times": times, "aside": aside}
            started = self._started(one)
            tries = _known(started) or 0
            if not waiting:
                self.results[one.id] = self._known(record) | about
            elif tries >= TRIES:
                why = f"the grader was ended {tries} times while this ran: it is skipped. "
                why += f"To try again, delete results/{started.name}"
                self.results[one.id] = self._nothing(why, aside)
            else:
                write(started, json.dumps(tries + 1))
                self.running[one.id] = one, record, waiting, about
                chosen = [f for f in files if waiting.keys() & re.findall(r"\w+", "\n".join(f[1]))]
                # Other inputs for each submission, if that is wanted, and whenever it changes.
                seed = number(f"{self.seed} {contents}") if self.own_inputs else self.seed
                variant = self.variants.get(one.id)
                yield Job(one.id, chosen or files, list(waiting), seed, variant)

    def _waiting(self, one, contents):
        """Return what is known of a submission, and what is not: from names to new digests."""
        record = _known(self.folder / f"{one.id}.json")
        record = record if isinstance(record, dict) and "results" in record else {"results": {}}
        waiting, own = {}, f"{self._own} {self.variants.get(one.id, '')}"
        for name in self.plan.checks:
            whole = f"{self._base} {contents} {own if name in self.plan.own else ''}"
            wanted = hashlib.sha256(whole.encode()).hexdigest()
            if name in self.again or record["results"].get(name, {}).get("digest") != wanted:
                waiting[name] = wanted
        return record, waiting

    def finish(self, key, rounds):
        """Keep what has come of a job, and the seed that it was graded with."""
        one, record, waiting, about = self.running.pop(key)
        for name, result in self._together(rounds).items():
            record["results"][name] = {"digest": waiting[name], "result": result}
        record["notes"] = list(dict.fromkeys(note for found in rounds for note in found["notes"]))
        write(self.folder.with_name("seed.json"), json.dumps(self.seed))
        write(self.folder / f"{key}.json", json.dumps(record))
        self._started(one).unlink(missing_ok=True)
        self.results[key] = self._known(record) | about
        self.count += 1

    def _together(self, rounds):
        """Return the results by exercise; its criteria are put together."""
        results = {}
        for i, found in enumerate(rounds):
            for name, part in found["exercises"].items():
                label = self.plan.checks[name][i][0]
                if len(self.plan.checks[name]) == 1:
                    results[name] = part
                    continue
                whole = results.setdefault(name, part | {"points": 0, "possible": 0, "parts": []})
                for key in ("points", "possible"):
                    whole[key] += part[key]
                whole["message"] = whole["message"] or part["message"]
                whole["parts"].append({"name": label or "as in the book"} | part)
        return results

    def _known(self, record):
        exercises = {name: record["results"][name]["result"] for name in self.plan.checks}
        return {"exercises": exercises, "notes": record["notes"]}

    def _nothing(self, remark, aside):
        job = Job("", [], list(self.plan.checks), self.seed)
        exercises = self._together(given_up(self.plan.rounds(job), remark))
        about = {"notes": [], "remarks": [remark], "looked_at": [], "times": {}, "aside": aside}
        return {"exercises": exercises} | about

    def _started(self, one):
        return self.folder / f"{one.id}.started"

    def forgive(self):
        """Whoever was running when this process ends by itself is not to blame."""
        for one, *_ in self.running.values():
            self._started(one).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # nothing was graded, so nothing is left
            self.folder.rmdir()
            self.folder.parent.rmdir()


def _known(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
