"""Checks of an instructor's own: tried before anybody is graded, handed out without answers."""

import nbformat
import pytest
from classroom.notebooks import BOOK, NoSandbox, hand_in, notebook

from nncourse.classroom import chapters, running
from nncourse.classroom.__main__ import main
from nncourse.exercises import Exercise
from nncourse.exercises.trial import problems

QUIZ = '''
"""My quiz."""
import numpy as np
from helpers import SLOPE
from nncourse.exercises import Exercise, Mistake

TITLE = "Quiz of week 7"
STATEMENTS = {"leaky": "Write `leaky(x)`, with the slope that the lecture gave."}
SECRET = "nobody must see this"
LEAKY = Exercise(
    "leaky",
    answer=lambda x: np.where(x > 0, x, SLOPE * x),
    cases=lambda rng: [(rng.normal(size=n),) for n in (1, 5)],
    mistakes=(Mistake(lambda x: np.maximum(x, 0), "What happens below zero?"),
              Mistake(lambda x: x.no, "An array has no such attribute."),),
    points=2,
)
PLAIN = Exercise("plain", lambda a, b: {"sum": a + b}, lambda rng: [(1, 2), (rng.normal(), 1)])
EXERCISES = (LEAKY, PLAIN)
'''
FILES = {"quiz.py": QUIZ, "helpers.py": "SLOPE = 0.1\n", "notes.txt": "not Python"}


@pytest.fixture
def checks(tmp_path):
    return hand_in(tmp_path / "checks", FILES)


UNFAIR = {
    "it raises": ("lambda x: 1 / 0", "", "ZeroDivisionError"),
    "it is random": ("lambda x: np.random.normal()", "", "the reference answer fails: "),
    "it returns nothing": ("lambda x: None", "", "returns nothing"),
    "it changes its input": ("lambda x: [x.sort(), 1]", "", "changes its input"),
    "it has no case": ("lambda x: x", "cases=lambda rng: []", "no case"),
    "its cases fail": ("lambda x: x", "cases=lambda rng: [(1 / 0,)]", "ZeroDivisionError"),
    "a mistake passes": ("lambda x: x", "mistakes=(Mistake(lambda x: +x, 'Hm?'),)", "'Hm?' passes"),
    "a mistake has another's hint": (
        "lambda x: x",
        "mistakes=(Mistake(lambda x: -x, 'A'), Mistake(lambda x: -1 * x, 'B'))",
        "'B' is told 'A'",
    ),
}


@pytest.mark.parametrize("name", UNFAIR)
def test_an_unfair_check_is_refused_before_anybody_is_graded(tmp_path, monkeypatch, capsys, name):
    answer, more, words = UNFAIR[name]
    more = more if "cases=" in more else f"cases=lambda rng: [(rng.normal(size=3),)], {more}"
    hand_in(tmp_path / "checks", {"quiz.py": f"""
import numpy as np
from nncourse.exercises import Exercise, Mistake
EXERCISES = (Exercise("odd", answer={answer}, {more}),)
"""})  # fmt: skip
    hand_in(tmp_path / "class", {"jane.ipynb": notebook("odd = abs")})
    monkeypatch.setattr(running, "Sandbox", None)  # it is not even started
    out = tmp_path / "out"
    assert main(["grade", str(tmp_path / "class"), "-o", str(out), "--extra-checks",
                 str(tmp_path / "checks")]) == 2  # fmt: skip
    said = capsys.readouterr().err
    assert "quiz.py, odd: " in said and words in said
    assert not (out / "gradebook.csv").exists()


@pytest.mark.parametrize("name", ["o dd", "1odd", "", "lambda", ".odd"])
def test_a_name_that_no_function_can_have_is_refused(name):
    exercise = Exercise(name, answer=abs, cases=lambda rng: [(rng.normal(),)])
    assert problems(exercise) == [f"no function can be called {name.partition('.')[0]!r}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("EXERCISES = 1", "must define EXERCISES"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("1 +", "SyntaxError"),
        ("raise SystemExit", "SystemExit"),
        ("x = 1", "no Python file in"),
        ("EXERCISES = ()", "no Python file in"),
        ("STATEMENTS = ['odd']", "must define STATEMENTS, a dict of texts"),
        ("STATEMENTS = {'odd': 3}", "must define STATEMENTS, a dict of texts"),
        ("DATA = ['slope']", "must define DATA, a dict"),
        ("variants = lambda rng: None", "TypeError"),
        ("variants = lambda rng: {'EXERCISES': None}", "must define EXERCISES"),
    ],
)
def test_files_that_do_not_work_are_refused(tmp_path, capsys, text, words):
    hand_in(tmp_path, {"checks/quiz.py": text, "class/jane.ipynb": notebook("x = 1")})
    given = ["-o", str(tmp_path / "out"), "--extra-checks", str(tmp_path / "checks")]
    assert main(["grade", str(tmp_path / "class"), *given]) == 2
    said = capsys.readouterr().err
    assert words in said and "Traceback" not in said


def test_own_exercises_are_released_with_a_check_that_works(tmp_path, checks, capsys):
    given = ["-o", str(tmp_path / "dist"), "--extra-checks", str(checks)]
    assert main(["release", "quiz", "01_neurons", *given]) == 0
    text = (tmp_path / "dist" / "quiz.ipynb").read_text(encoding="utf-8")
    back = nbformat.reads(text, as_version=4)
    nbformat.validate(back)
    assert back.cells[0].source.startswith("# Exercises: Quiz of week 7")
    assert (
        "with the slope that the lecture gave" in text and "Write a function `plain(a, b)`" in text
    )
    assert "SLOPE" not in text and "nobody must see" not in text and "where(" not in text
    namespace = {}
    for cell in back.cells[2:]:
        if cell.cell_type == "code":
            exec(
                cell.source.replace("nn.exercises.check(", "verdict = nn.exercises.check("),
                namespace,
            )
    assert "not solved yet" in namespace["verdict"].message
    np, check = namespace["np"], namespace["nn"].exercises.check
    assert check("leaky", lambda x: np.where(x > 0, x, x / 10)).passed
    assert check("leaky", lambda x: np.maximum(x, 0)).message.startswith(
        "What happens below zero?\n"
    )
    assert "no such attribute." in check("leaky", lambda x: x.foo).message
    assert "should give" in check("leaky", lambda x: x).message
    assert check("plain", lambda a, b: {"sum": b + a}).passed
    assert main(["release", "quiz", *given, "--exercise", "plane"]) == 2
    assert "quiz has no exercise ['plane']; it has ['leaky', 'plain']" in capsys.readouterr().err


def test_a_changed_check_grades_its_own_exercises_only(tmp_path, checks, monkeypatch):
    graded = []

    def judge(jobs, *_, **__):
        zero = {"points": 0, "possible": 1, "message": ""}
        for job in jobs:
            graded.append(sorted(job.names))
            yield job.key, [{"notes": [], "exercises": dict.fromkeys(job.names, zero)}]

    monkeypatch.setattr(running, "Sandbox", NoSandbox)
    monkeypatch.setattr(running, "grade_all", judge)
    hand_in(tmp_path / "class", {"jane.ipynb": notebook("leaky = plain = neuron = abs")})
    given = ["grade", str(tmp_path / "class"), "-o", str(tmp_path / "out"), "--chapter",
             "01_neurons", "--exercise", "neuron", "--exercise", "leaky"]  # fmt: skip
    for slope in ("0.1", "0.1", "0.2"):
        hand_in(checks, {"helpers.py": f"SLOPE = {slope}\n"})
        assert main([*given, "--extra-checks", str(checks)]) == 0
    assert graded == [["leaky", "neuron"], ["leaky"]]


# No answer meets both criteria: each is seen to be graded by itself.
CRITERIA = """
import numpy as np
from nncourse.exercises import Exercise, Mistake
EXERCISES = (
    Exercise("center.shape", lambda x: x.shape, lambda rng: [(rng.normal(size=(2, 3)),)], points=1),
    Exercise("center.mean", lambda x: x - x.mean(0), lambda rng: [(rng.normal(size=(2, 3)),)],
             (Mistake(lambda x: x - x.mean(1, keepdims=True), "Along which axis?"),), points=2),
)
"""


@pytest.mark.usefixtures("sandboxed")
def test_partial_credit_by_criterion_with_its_reason(tmp_path):
    """Criteria are exercises with a dot in their names; the function is what stands before it."""
    wrong = "def center(x):\n    return x - x.mean(1, keepdims=True)"
    right = "def center(x):\n    return x - x.mean(0)"
    hand_in(tmp_path, {"checks/quiz.py": CRITERIA, "class/ann.ipynb": notebook(wrong),
                       "class/bob.ipynb": notebook(right)})  # fmt: skip
    given = ["--extra-checks", str(tmp_path / "checks"), "--exercise", "center"]
    assert main(["grade", str(tmp_path / "class"), "-o", str(tmp_path / "out"), *given]) == 0
    lines = (tmp_path / "out" / "details.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[4] for line in lines] == ["center", "0", "2"]
    page = (tmp_path / "out" / "feedback" / "ann.html").read_text(encoding="utf-8")
    assert "0 of 3 points" in page and "✗ mean: 0 of 2 – Along which axis?" in page
    assert main(["release", "quiz", "-o", str(tmp_path), *given]) == 0
    stub = nbformat.read(tmp_path / "quiz.ipynb", as_version=4).cells[-1].source
    assert stub.startswith(
        'def center(x):\n    ...\n\n\nnn.exercises.check("center.shape", center)'
    )
    assert stub.endswith('\nnn.exercises.check("center.mean", center)')
    page = (tmp_path / "out" / "feedback" / "bob.html").read_text(encoding="utf-8")
    assert "2 of 3 points" in page and "✓ mean: 2 of 2" in page and "✗ shape: 0 of 1 – " in page


VARIED = """
import numpy as np
from nncourse.exercises import Exercise
def variants(rng):
    slope, prices = round(float(rng.uniform(0.01, 0.3)), 4), rng.normal(size=2)
    cases = lambda rng: [(rng.normal(size=n),) for n in (1, 5)]
    leaky = Exercise("leaky", lambda x: np.where(x > 0, x, slope * x), cases)
    return {"EXERCISES": (leaky,), "STATEMENTS": {"leaky": f"The slope is {slope}."},
            "DATA": {"slope": slope, "prices": prices}}
"""
ROSTER = "Student,ID\nDoe Jane,11\nRoe Joe,12\nDoe Jane,13\n"


def release_variants(folder, text=VARIED):
    hand_in(folder, {"checks/quiz.py": text, "roster.csv": ROSTER})
    given = ["--extra-checks", str(folder / "checks"), "--roster", str(folder / "roster.csv")]
    return given, main(["release", "quiz", "-o", str(folder / "dist"), *given, "--seed", "5"])


@pytest.mark.usefixtures("sandboxed")
def test_each_student_has_a_variant_and_is_graded_by_it(tmp_path):
    """The notebooks hold data of their own; another's answer, or a stranger's, is wrong."""
    given, code = release_variants(tmp_path)
    files = {path.stem: path for path in (tmp_path / "dist" / "quiz").iterdir()}
    assert code == 0 and sorted(files) == ["Doe Jane 11", "Doe Jane 13", "Roe Joe"]
    data, slopes = {}, {}
    for name, path in files.items():
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells]
        (data[name],) = (text for text in cells if text.startswith("# Your own data"))
        exec(f"import numpy as np\n{data[name]}", slopes.setdefault(name, {}))
        assert any(f"The slope is {slopes[name]['slope']}." in text for text in cells)
        assert slopes[name]["prices"].shape == (2,)
    assert len({found["slope"] for found in slopes.values()}) == 3
    work = {n: notebook(d, "def leaky(x):\n    return np.where(x > 0, x, slope * x)")
            for n, d in data.items()}  # fmt: skip
    hand_in(tmp_path / "class", {
        "doejane_11_1_a.ipynb": work["Doe Jane 11"], "roejoe_12_2_a.ipynb": work["Roe Joe"],
        "doejane_13_3_a.ipynb": work["Roe Joe"], "zoe_14_4_a.ipynb": work["Roe Joe"],
    })  # fmt: skip
    grade = ["grade", str(tmp_path / "class"), "-o", str(tmp_path / "out"), *given]
    assert main([*grade, "--seed", "5", "--exercise", "leaky", "--jobs", "2"]) == 1  # a stranger
    lines = (tmp_path / "out" / "details.csv").read_text(encoding="utf-8").splitlines()
    points = {line.split(",")[1]: line.split(",")[4] for line in lines[1:]}
    assert points == {"11": "1", "12": "1", "13": "0", "14": "0"}


def test_variants_need_the_class_and_its_seed(tmp_path, capsys):
    given, _ = release_variants(tmp_path)
    hand_in(tmp_path / "class", {"jane.ipynb": notebook("leaky = abs")})
    for command in (["release", "quiz"], ["grade", str(tmp_path / "class")]):
        for some in ([*given], [*given[:2], "--seed", "5"]):
            assert main([*command, "-o", str(tmp_path / "out"), *some]) == 2
            assert "--roster CSV and --seed NUMBER are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("slope * x)", "slope // (slope < 0.2) * x)", "quiz.py, leaky: the reference answer fails"),
        ('"leaky", lambda', '"leaky" if slope > 0.1 else "leak", lambda', "other exercises"),
        ("rng.uniform(", "rng.unifrom(", "quiz.py: AttributeError"),
        ("cases =", "assert slope < 0.2; cases =", "quiz.py: AssertionError"),
        ("prices}}", "[prices]}}", "DATA, prices: a notebook cannot hold [array("),
        ("rng.normal(size=2)", "rng.normal(size=2) * np.nan", "(name 'nan' is not defined)"),
    ],
)
def test_unfair_variants_are_refused(tmp_path, capsys, before, after, words):
    _, code = release_variants(tmp_path, VARIED.replace(before, after))
    assert code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_checks_of_ones_own_have_no_source_for_nbgrader(tmp_path, capsys):
    given, _ = release_variants(tmp_path)
    given += ["--seed", "5", "--format", "nbgrader", "-o", str(tmp_path / "source")]
    assert main(["release", "01_neurons", "quiz", *given]) == 2
    assert "only chapters have a source for nbgrader" in capsys.readouterr().err
    assert not (tmp_path / "source").exists()


def test_two_rows_with_one_number_are_refused(tmp_path, capsys):
    given, _ = release_variants(tmp_path)
    hand_in(tmp_path, {"roster.csv": "Student,ID\nDoe Jane,11\nRoe Joe,11\n"})
    assert main(["release", "quiz", "-o", str(tmp_path / "o"), *given, "--seed", "5"]) == 2
    assert "have the same number, or name: ['11']" in capsys.readouterr().err


def test_damaged_recordings_are_named():
    from nncourse.exercises import add

    with pytest.raises(ValueError, match="damaged"):
        add("bm9uc2Vuc2U=")


def test_notebooks_of_a_withheld_edition_lead_to_no_solutions(tmp_path):
    pages = {path.name: path.read_bytes() for path in BOOK.glob("*.*") if path.is_file()}
    config = (BOOK.parent / "_config.yml").read_text(encoding="utf-8")
    switch = "nncourse_withhold_solutions: "
    for withheld in (False, True):
        book = hand_in(tmp_path / str(withheld) / "book", pages)
        text = config.replace(f"{switch}false", switch + str(withheld).lower())
        (book.parent / "_config.yml").write_text(text, encoding="utf-8")
        made = nbformat.writes(chapters.chapter_notebook("01_neurons", book))
        assert ("/book/01_neurons.html" in made) == (not withheld)
