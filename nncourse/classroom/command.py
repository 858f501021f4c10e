"""The two commands: release and grade."""

import importlib.util
import sys

from ..exercises.tasks import find_book, read, tasks
from .children import Lost, in_children
from .feedback import annotated, feedback_page, packed, total
from .files import visible
from .own import for_student, load_own, seeds, unfair
from .plan import defined, make_plan
from .policy import Policy, read_decisions
from .reports import class_report, details, gradebook
from .roster import Roster
from .running import Work, kept_seed, run
from .similarity import alike, answer_of, similar_page
from .submissions import find, load
from .writing import write

__all__ = ["grade_class", "release"]

LINES = 20  # so many lines about what was not understood are printed; the report has them all


def release(options):
    """Write the student notebook, or the source notebook for nbgrader, of each chapter."""
    import nbformat  # it takes two seconds

    from . import chapters

    book = find_book()
    own, roster = _own_and_roster(options)
    source = options.format == "nbgrader"
    if source and (mine := own.keys() & options.chapter):
        raise ValueError(f"only chapters have a source for nbgrader, not {sorted(mine)}")
    make = chapters.nbgrader_notebook if source else chapters.student_notebook
    made = {}
    for name in options.chapter:
        if name not in own:
            made[name] = make(name, book, options.exercise)
        elif not hasattr(own[name], "variants"):
            made[name] = chapters.own_notebook(name, own[name], book, options.exercise)
        else:
            for student, key in roster.handouts().items():
                module = for_student(own[name], seeds(options.seed, key))
                if wrong := unfair(name, module, own[name]):
                    raise ValueError(f"the variant of {student} would not be fair: {wrong[0]}")
                notebook = chapters.own_notebook(name, module, book, options.exercise)
                made[f"{name}/{student}"] = notebook
    for name, notebook in made.items():
        path = options.output / (name if source else "") / f"{name}.ipynb"
        nbformat.validate(notebook)
        write(path, nbformat.writes(notebook) + "\n")
        print(path)


def _own_and_roster(options):
    """Return the instructor's own modules, and the roster; variants need it, and a seed."""
    own = load_own(options.extra_checks) if options.extra_checks else {}
    varied = [name for name, module in own.items() if hasattr(module, "variants")]
    if varied and (options.roster is None or options.seed is None):
        raise ValueError(f"{varied[0]}.py has variants: --roster CSV and --seed NUMBER are needed")
    return own, Roster.read(options.roster) if options.roster else None


def grade_class(options):
    """Grade all submissions; write gradebook, feedback and report; return the exit code."""
    needed = ("similar", "rapidfuzz", "teach"), ("cluster", "distributed", "cluster")
    for option, module, extra in needed:
        if getattr(options, option) and importlib.util.find_spec(module) is None:
            raise ValueError(f'--{option} needs {module}: pip install "nncourse[{extra}]"')
    if options.column and not options.roster:
        raise ValueError("--column names a column of the roster: --roster CSV")
    if options.output.resolve() == options.submissions.resolve():
        raise ValueError(f"{options.output} holds the submissions: name another folder for grades")
    found = find(options.submissions, layout=options.layout, without=[options.output])
    own, roster = _own_and_roster(options)
    if roster:
        roster.match(found.submissions)
    filling = roster and (options.column or roster.takes_points)
    if filling:
        roster.column(options.column)  # one that does not exist is said before anything is graded
    plan, not_graded = make_plan(options, own, lambda: _names(found))
    if unknown := set(options.regrade) - set(plan.checks):
        raise ValueError(f"there is no exercise {sorted(unknown)}; there are {list(plan.checks)}")
    policy = _policy(options, plan)
    seed = kept_seed(options.output / "seed.json", options.seed)
    for line in not_graded:
        print(line)
    print(f"{len(found.submissions)} submissions of {', '.join(plan.points)}, --seed {seed}")
    keys = {one.id: roster.key(i) for i, one in roster.matched.items()} if roster else {}
    work = Work(options, plan, seed, {i: seeds(seed, key) for i, key in keys.items()})
    try:
        results = run(found.submissions, work, options)
    except KeyboardInterrupt:
        print("stopped; the same command goes on where this one ended", file=sys.stderr)
        return 130
    graded = [(one, policy.applied(one, results[one.id])) for one in found.submissions]
    told = [*found.unread, *((f"--{kind}", why) for kind, why in policy.unused(found.submissions))]
    told += [(one.name, remark) for one, each in graded for remark in each["remarks"]]
    missing = roster.missing() if roster else []
    if roster:
        told += [(one.name, "is in no row of the roster, or not alone") for one in roster.strangers]
    files = _write_all(options, plan, graded, seed, told, [visible(name) for name in missing])
    if filling:
        note = _fill(options, roster, graded)
        files.append("upload.csv" + (f" ({note})" if note else ""))
    late = sum(each["is_late"] for _, each in graded)
    kept = len(graded) - work.count
    print(f"{work.count} graded, {kept} known from before, {late} late", end="")
    print(f", {len(missing)} missing: {visible(', '.join(missing))[:300]}" if roster else "")
    print(f"{options.output}: {', '.join(files)}")
    if told:
        print(f"not understood: {len(told)}, all in report.html")
        for what, why in told[:LINES]:
            print(f"  {visible(what)}: {visible(why)}")
    return 1 if told else 0


def _names(found):
    """Return, for each student, the names that each notebook defines."""

    def reading(one, tell, lost):
        return [sorted(defined(notebook.cells)) for notebook in load(one)[0]]

    # Whoever cannot be read is told when the submission is graded.
    read = in_children(found.submissions, reading)
    return [[] if isinstance(names, Lost) else list(map(set, names)) for _, names in read]


def _policy(options, plan):
    kinds = ("extensions", options.extensions), ("overrides", options.overrides)
    rows = [read_decisions(path, kind, plan.checks) if path else [] for kind, path in kinds]
    return Policy(*options.late_penalty, options.deadline, *rows)


def _write_all(options, plan, graded, seed, told, missing):
    """Write tables and pages; return their names."""
    pages = [(one, feedback_page(one, each)) for one, each in graded]
    for one, text in pages:
        write(options.output / "feedback" / f"{one.id}.html", text)

    def annotating(pair, tell, lost):
        for name, notebook in annotated(*pair):
            write(options.output / "feedback" / name, notebook)

    for _ in in_children(graded, annotating):
        pass
    texts = {
        "gradebook.csv": gradebook(graded, plan.points),
        "details.csv": details(graded, plan.points),
        "report.html": class_report(graded, plan.points, seed, told, missing),
    }
    if options.similar:
        texts["similar.html"] = _similar(graded, plan)
    if any(one.layout in ("canvas", "moodle") for one, _ in graded):
        texts["feedback.zip"] = packed(pages)
    for name, content in texts.items():
        write(options.output / name, content)
    return [*texts, "feedback/"]


def _similar(graded, plan):
    """Return the page of answers that look alike."""

    def reading(pair, tell, lost):
        cells = [cell for notebook in load(pair[0])[0] for cell in notebook.cells]
        found = {name: answer_of(cells, name) for name in plan.checks}
        return {name: text for name, text in found.items() if text}

    told = in_children(graded, reading)
    written = {one.id: {} if isinstance(w, Lost) else w for (one, _), w in told}
    answers = {name: {} for name in plan.checks}
    said = {name: {} for name in plan.checks}
    for one, each in graded:
        who = one.name if sum(other.name == one.name for other, _ in graded) == 1 else one.id
        for name, text in written[one.id].items():
            answers[name][who] = text
            said[name][who] = " ".join(each["exercises"][name]["message"].splitlines())
    book = find_book()
    titles = [title for title in plan.points if (book / f"{title}.ipynb").exists()]
    stated = [task for title in titles for task in tasks(read(title, book))]
    known = [
        answer_of([text], task.name) for task in stated if task.name
        for text in (task.stub, task.solution)
    ]  # fmt: skip
    return similar_page(alike(answers, said, known), answers)


def _fill(options, roster, graded):
    """Write the roster with the points in it; return a remark."""
    earned = {one.id: total(each)[0] for one, each in graded}
    possible = total(graded[0][1])[1]
    comments = {}
    for one, each in graded:
        found = [(name, r["message"].partition("\n")[0]) for name, r in each["exercises"].items()]
        comments[one.id] = " · ".join(f"{n}: {text}" for n, text in found if text)[:1000]
    text, note = roster.filled(options.column, earned, possible, comments)
    write(options.output / "upload.csv", text)
    return note
