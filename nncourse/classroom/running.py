"""Grade a class: whoever has no results yet, several at a time, to be stopped at any moment."""

import hashlib
import json
import re
import secrets

from tqdm.auto import tqdm

from ..exercises.tasks import find_book
from .children import Lost, in_children
from .cluster import grade_on_cluster
from .grading import Job, grade_all
from .notebooks import Notebook, amounts, printed
from .own import PACKAGE, digest
from .sandbox import Sandbox
from .submissions import load
from .writing import write

__all__ = ["Work", "kept_seed", "run"]

TRIES = 2  # a submission during which the whole grader was killed so often is skipped


def kept_seed(path, asked):
    """Return the seed that is asked for, or that of the run that is continued, or a new one."""
    seed = _known(path) if asked is None else asked
    seed = seed if isinstance(seed, int) else secrets.randbelow(1 << 31)
    write(path, json.dumps(seed))
    return seed


def run(submissions, work, options):
    """Return the results by submission.

    Raises
    ------
    KeyboardInterrupt
        If stopped; what has been graded so far is kept.
    """
    results = {}
    with tqdm(total=len(submissions), unit="submission") as bar:

        def done(one, found):
            results[one.id] = found
            bar.set_postfix_str(", ".join(s.name for s, *_ in work.running.values())[:50])
            bar.update()

        jobs = work.jobs(submissions, done)
        try:
            for key, outcome in _graded(jobs, work, options):
                one = work.running[key][0]
                done(one, work.finish(key, outcome))
        except KeyboardInterrupt:
            work.forgive()
            raise
    return results


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
        self.running, self.count = {}, 0
        settings = (seed, options.cell_seconds, options.total_seconds, self.own_inputs)
        self._base = f"{settings} {digest(PACKAGE)}"
        self._own = digest(options.extra_checks) if plan.own else ""

    def jobs(self, submissions, done):
        """Yield a :class:`.Job` for each submission that is to be graded.

        ``done(one, results)`` is told of those that need not, or cannot, be graded.
        """
        known = printed(find_book())

        def reading(one, tell, lost):
            notebooks, remarks, aside = load(one)
            return [notebooks, [amounts(n.cells, known) for n in notebooks], remarks, aside]

        for one, found in in_children(submissions, reading):
            if isinstance(found, Lost):
                done(one, self._nothing(f"its files cannot be read: {found.reason}", []))
                continue
            notebooks, much, remarks, aside = found
            notebooks = [Notebook(*each) for each in notebooks]
            contents = hashlib.sha256(repr(notebooks).encode("utf-8", "surrogatepass")).hexdigest()
            record, waiting = self._waiting(one, contents)
            names, late = [n.name for n in notebooks], [n.name for n in notebooks if n.late]
            about = {"remarks": remarks, "looked_at": names, "late": late, "aside": aside}
            started = self._started(one)
            tries = _known(started) or 0
            if not waiting:
                done(one, self._known(record) | about)
            elif tries >= TRIES:
                why = f"the grader was ended {tries} times while this ran: it is skipped. "
                why += f"To try again, delete results/{started.name}"
                done(one, self._nothing(why, aside))
            else:
                write(started, json.dumps(tries + 1))
                self.running[one.id] = one, record, waiting, about
                files = [(n.name, n.cells, m) for n, m in zip(notebooks, much, strict=True)]
                chosen = [f for f in files if waiting.keys() & re.findall(r"\w+", "\n".join(f[1]))]
                seed, variant = self._seed(contents), self.variants.get(one.id)
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

    def _seed(self, contents):
        if not self.own_inputs:
            return self.seed
        # Other inputs for each submission, and whenever it changes.
        mixed = hashlib.sha256(f"{self.seed} {contents}".encode()).digest()
        return int.from_bytes(mixed[:6])

    def finish(self, key, rounds):
        """Keep what has come of a job, and return the results of its submission."""
        one, record, waiting, about = self.running.pop(key)
        for name, result in self._together(rounds).items():
            record["results"][name] = {"digest": waiting[name], "result": result}
        notes = [note for found in rounds for note in found["notes"]]
        record["notes"] = list(dict.fromkeys(notes))
        write(self.folder / f"{key}.json", json.dumps(record))
        self._started(one).unlink(missing_ok=True)
        self.count += 1
        return self._known(record) | about

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
        zero = {"points": 0, "message": remark, "notebook": ""}
        exercises = {n: zero | {"possible": self.plan.possible(n)} for n in self.plan.checks}
        about = {"notes": [], "remarks": [remark], "looked_at": [], "late": [], "aside": aside}
        return {"exercises": exercises} | about

    def _started(self, one):
        return self.folder / f"{one.id}.started"

    def forgive(self):
        """Whoever was running when someone pressed Ctrl-C is not to blame."""
        for one, *_ in self.running.values():
            self._started(one).unlink(missing_ok=True)


def _known(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
