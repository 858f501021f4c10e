"""The two commands: release and grade."""

import importlib.util
import sys
from collections import Counter

from ..exercises.tasks import find_book, read, tasks
from .children import Lost, in_children
from .feedback import annotated, feedback_page, packed
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
    made = {}
    for name in options.chapter:
        if name not in own:
            made[name] = chapters.chapter_notebook(name, book, options.exercise, source=source)
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
    return own, Roster.read(options.roster)


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
    if options.roster:
        roster.match(found.submissions)
    filling = roster.column(options.column)  # what is wrong is said before anything is graded
    plan, not_graded = make_plan(options, own, lambda: _names(found))
    if unknown := set(options.regrade) - set(plan.checks):
        raise ValueError(f"there is no exercise {sorted(unknown)}; there are {list(plan.checks)}")
    kinds = ("extensions", options.extensions), ("overrides", options.overrides)
    rows = [read_decisions(path, kind, plan.checks) if path else [] for kind, path in kinds]
    policy = Policy(*options.late_penalty, options.deadline, *rows)
    seed = kept_seed(options.output / "seed.json", options.seed)
    counted = f"{len(found.submissions)} submissions of {', '.join(plan.points)}, --seed {seed}"
    print(*not_graded, counted, sep="\n")
    variants = {one.id: seeds(seed, roster.key(i)) for i, one in roster.matched.items()}
    work = Work(options, plan, seed, variants)
    try:
        results = run(found.submissions, work, options)
    except KeyboardInterrupt:
        print("stopped; the same command goes on where this one ended", file=sys.stderr)
        return 130
    graded = [(one, policy.applied(one, results[one.id])) for one in found.submissions]
    missing = [visible(name) for name in roster.missing()]
    told = found.unread + policy.unused(found.submissions)
    told += [(one.name, remark) for one, each in graded for remark in each["remarks"]]
    told += [(one.name, "is in no row of the roster, or not alone") for one in roster.strangers]
    upload, note = roster.filled(filling, graded) if filling else ("", "")
    report = class_report(graded, plan.points, seed, told, missing)
    files = _write_all(options, plan, graded, {"report.html": report, "upload.csv": upload})
    late = sum(each["is_late"] for _, each in graded)
    kept = len(graded) - work.count
    print(f"{work.count} graded, {kept} known from before, {late} late", end="")
    print(f", {len(missing)} missing: {', '.join(missing)[:300]}" if options.roster else "")
    print(f"{options.output}: {', '.join(files)}{note}")
    if told:
        print(f"not understood: {len(told)}, all in report.html")
        count = Counter()  # the first about each, then the second about each: nobody hides others
        turns = sorted(told, key=lambda pair: count.update(pair[:1]) or count[pair[0]])
        for what, why in turns[:LINES]:
            print(f"  {visible(what)}: {visible(why)}")
    return 1 if told else 0


def _names(found):
    """Return, for each student, the names that each notebook defines."""

    def reading(one, tell, lost):
        return [sorted(defined(notebook.cells)) for notebook in load(one)[0]]

    # Whoever cannot be read is told when the submission is graded.
    read = in_children(found.submissions, reading)
    return [[] if isinstance(names, Lost) else list(map(set, names)) for _, names in read]


def _write_all(options, plan, graded, texts):
    """Write tables and pages, and the texts by name that are not empty; return all names."""
    pages = [(one, feedback_page(one, each)) for one, each in graded]
    for one, text in pages:
        write(options.output / "feedback" / f"{one.id}.html", text)

    def annotating(pair, tell, lost):
        for name, notebook in annotated(*pair):
            write(options.output / "feedback" / name, notebook)

    for _ in in_children(graded, annotating):
        pass
    packs = any(one.layout in ("canvas", "moodle") for one, _ in graded)
    texts = {
        "gradebook.csv": gradebook(graded, plan.points),
        "details.csv": details(graded, plan.points),
        "similar.html": options.similar and _similar(graded, plan),
        "feedback.zip": packs and packed(pages),
    } | texts
    written = [name for name, content in texts.items() if content]
    for name in written:
        write(options.output / name, texts[name])
    return [*written, "feedback/"]


def _similar(graded, plan):
    """Return the page of answers that look alike."""

    def reading(pair, tell, lost):
        cells = [cell for notebook in load(pair[0])[0] for cell in notebook.cells]
        found = {name: answer_of(cells, name) for name in plan.checks}
        return {name: text for name, text in found.items() if text}

    names = Counter(one.name for one, _ in graded)
    answers, said = ({name: {} for name in plan.checks} for _ in range(2))
    for (one, each), texts in in_children(graded, reading):
        who = one.name if names[one.name] == 1 else one.id
        for name, text in () if isinstance(texts, Lost) else texts.items():
            answers[name][who] = text
            said[name][who] = " ".join(each["exercises"][name]["message"].splitlines())
    titles = [title for title in plan.points if title not in plan.modules]
    known = [
        answer_of([text], task.name)
        for title in titles for task in tasks(read(title, find_book())) if task.name
        for text in (task.stub, task.solution)
    ]  # fmt: skip
    return similar_page(alike(answers, said, known), answers)
