"""A chapter is read without stumbling over its checks: more rules, for book_rules.py.

As there, a rule takes a chapter and yields a sentence for each offense; test_book.py shows that
each can fail.
"""

import ast
import re

HIDDEN = {"hide-input", "hide-cell", "remove-cell", "remove-input"}
# Standard terms, and the chapter that introduces each, in bold.
TERMS = {
    "broadcasting": "01_neurons",
    "generalization": "02_linear_models",
    "cross-validation": "02_linear_models",
    "hyperparameter": "02_linear_models",
    "one-hot": "02_linear_models",
    "convex": "02_linear_models",
    "local minimum": "02_linear_models",
    "feed-forward network": "03_multilayer_perceptrons",
    "inference": "03_multilayer_perceptrons",
    "stochastic gradient descent": "05_gradient_descent",
    "mini-batch": "05_gradient_descent",
    "momentum": "05_gradient_descent",
    "learning-rate schedule": "05_gradient_descent",
    "learning-rate range test": "05_gradient_descent",
    "warm-up": "05_gradient_descent",
    "gradient clipping": "05_gradient_descent",
    "weight decay": "05_gradient_descent",
    "saddle point": "05_gradient_descent",
    "mixed precision": "09_mnist_tensorflow",
    "arithmetic intensity": "09_mnist_tensorflow",
    "roofline": "09_mnist_tensorflow",
    "data parallelism": "09_mnist_tensorflow",
    "all-reduce": "09_mnist_tensorflow",
    "recurrent network": "10_recurrent_networks",
    "hidden state": "10_recurrent_networks",
    "back-propagation through time": "10_recurrent_networks",
    "encoder–decoder": "10_recurrent_networks",
    "teacher forcing": "10_recurrent_networks",
    "language model": "10_recurrent_networks",
    "back-testing": "10_recurrent_networks",
    "self-attention": "11_attention",
    "cross-attention": "11_attention",
    "causal mask": "11_attention",
    "positional encoding": "11_attention",
    "layer normalization": "11_attention",
    "residual stream": "11_attention",
    "byte-pair encoding": "11_attention",
    "masked language modeling": "11_attention",
    "induction head": "11_attention",
    "mixture of experts": "12_scaling",
    "floating-point operation": "12_scaling",
    "power law": "12_scaling",
    "compute-optimal": "12_scaling",
    "semantic search": "13_language_models",
    "greedy decoding": "13_language_models",
    "logit lens": "13_language_models",
    "activation patching": "13_language_models",
    "speculative decoding": "13_language_models",
    "in-context learning": "14_assistants",
    "few-shot": "14_assistants",
    "supervised fine-tuning": "14_assistants",
    "low-rank adaptation": "14_assistants",
    "direct preference optimization": "14_assistants",
    "retrieval-augmented generation": "14_assistants",
    "prompt injection": "14_assistants",
    "computation graph": "04_backpropagation",
    "automatic differentiation": "04_backpropagation",
    "gradient check": "04_backpropagation",
    "forward mode": "04_backpropagation",
    "adversarial example": "04_backpropagation",
    "overfitting": "06_regularization",
    "underfitting": "06_regularization",
    "regularization": "06_regularization",
    "learning curve": "06_regularization",
    "interpolation threshold": "06_regularization",
    "label noise": "06_regularization",
    "ridge regression": "06_regularization",
    "lasso": "06_regularization",
    "soft thresholding": "06_regularization",
    "double descent": "06_regularization",
    "dropout": "06_regularization",
    "early stopping": "06_regularization",
    "batch normalization": "06_regularization",
    "label smoothing": "06_regularization",
    "saliency map": "16_explaining",
    "integrated gradients": "16_explaining",
    "occlusion": "16_explaining",
    "Shapley values": "16_explaining",
    "sanity check": "16_explaining",
    "permutation importance": "16_explaining",
    "partial dependence": "16_explaining",
    "accumulated local effects": "16_explaining",
    "counterfactual explanation": "16_explaining",
    "membership inference": "17_responsibility",
    "shadow model": "17_responsibility",
    "differential privacy": "17_responsibility",
    "Poisson sampling": "17_responsibility",
    "equal opportunity": "17_responsibility",
    "model card": "17_responsibility",
    "forward process": "18_what_next",
    "reverse process": "18_what_next",
    "latent space": "18_what_next",
    "guidance": "18_what_next",
    "ancestral sampling": "18_what_next",
    "distillation": "18_what_next",
    "pruning": "18_what_next",
}
PROMPT = {"code_prompt_show": "✓ checked", "code_prompt_hide": "✓ checked"}


def cells_outside(chapter, heading):
    """Yield the chapter's cells, without those of one of its sections."""
    inside = False
    for cell in chapter.notebook.cells:
        if cell.cell_type == "markdown":
            for found in re.findall(r"^## (.*)$", cell.source, re.M):
                inside = found.strip() == heading
        if not inside:
            yield cell


def visible(chapter):
    """Return the code cells that a reader sees open, those of the exercises not counted."""
    tags = HIDDEN | {"exercise", "solution"}
    return [
        cell
        for cell in cells_outside(chapter, "Exercises")
        if cell.cell_type == "code" and not tags & set(cell.metadata.get("tags", []))
    ]


def checks(cell):
    """Return the statements of a cell that only hold something, and the others."""
    source = re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.M)
    only, others = [], []
    for node in ast.parse(source).body:
        called = (
            ast.unparse(node.value.func)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            else ""
        )
        asserts = isinstance(node, ast.Assert) or called.endswith("assert_same")
        (only if asserts else others).append(node)
    return only, others


def is_read_without_stumbling(chapter):
    """At most 50 visible code cells and 5,500 words, the exercises not counted."""
    if (count := len(visible(chapter))) > 50:
        yield f"{count} visible code cells; 50 are allowed"
    prose = [c.source for c in cells_outside(chapter, "Exercises") if c.cell_type == "markdown"]
    if (count := len(" ".join(prose).split())) > 5500:
        yield f"{count} words without the exercises; 5,500 are allowed"


def checks_are_quiet(chapter):
    """No visible cell asserts anything; what does is tagged, folded, and says "✓ checked"."""
    for number, cell in enumerate(chapter.code, start=1):
        tags = set(cell.metadata.get("tags", []))
        if tags & {"exercise", "solution"} or number == 1:
            continue
        only, others = checks(cell)
        if only and not tags & HIDDEN:
            yield f"code cell {number} is visible and asserts: {ast.unparse(only[0])[:60]!r}"
        if only and not others and "check" not in tags:
            yield f"code cell {number} only asserts; tag it check and hide-input"
        if "check" in tags:
            prompt = cell.metadata.get("mystnb", {})
            if "hide-input" not in tags or any(prompt.get(k) != v for k, v in PROMPT.items()):
                yield f"code cell {number} is a check; fold it (hide-input) with {PROMPT}"


def makes_no_claims_about_readers(chapter):
    """What most people think is not said."""
    found = r"\b[Mm]ost (?:people|readers|students|of us)\b(?! (?:lie|are) )"
    for claim in re.findall(f"{found}[^.]*", "\n".join(chapter.prose)):
        yield f"no source for {claim[:60]!r}; say: a tempting answer is …"


def published_mistakes_are_cited(chapter):
    """A mistake is called published only beside its citation or a link to the bug clinic."""
    kinds = "mistakes?|errors?|bugs?|introductions?|texts?|formulas?|programs?|code|listings?"
    kinds += "|regressions?|derivations?|updates?|scripts?|examples?|versions?|solutions?"
    called = re.compile(rf"\b[Pp]ublished\b(?: [\w-]+){{0,3}} (?:{kinds})\b")
    for paragraph in re.split(r"\n\s*\n", "\n\n".join(chapter.prose)):
        found = called.search(paragraph)
        if found and not re.search(r"\{cite|bug_clinic", paragraph):
            yield f"{found[0]!r} has no citation and no link to the bug clinic"


def prints_what_was_measured(chapter):
    """No tolerance stands where a result belongs: 98.3 %, not at least 98 %."""
    tolerance = re.compile(
        r"\b(?:at least|at most|more than|less than|fewer than|better than|between|over|above|below"
        r"|under) (?:\*\*)?[\d.,]+(?: and [\d.,]+)?(?: ?%| percent| points?| bits?| times)",
        re.I,
    )
    for cell in cells_outside(chapter, "Exercises"):
        if cell.cell_type == "markdown":
            for found in tolerance.findall(cell.source):
                if found not in STATED_BOUNDS.get(chapter.name, ()):
                    yield f"{found!r}: print what was measured, or list it in STATED_BOUNDS"


# Bounds that are meant: a rule, a requirement, or a number of somebody else; not a measurement.
STATED_BOUNDS = {}


def exercises_have_their_kinds(chapter):
    """Four graded by machine, three for a pencil, one plot to explain, one project."""
    section = chapter.section("Exercises") + chapter.section("Find the bug")
    graded = sum("exercise" in c.metadata.get("tags", []) for c in chapter.code)
    if graded < 4:
        yield f"{graded} exercises are graded by machine; four are expected"
    for kind, count in (("Pencil", 3), ("Explain this plot", 1), ("Project", 1)):
        titles = re.findall(rf"\{{exercise(?:-start)?\}} [★ ]*{kind}\b", section)
        if len(titles) < count:
            yield f"{len(titles)} exercises are titled '{kind}: …'; {count} are expected"
    if "rubric" not in section.lower():
        yield "the project has no rubric"


READING_RULES = (
    is_read_without_stumbling,
    checks_are_quiet,
    makes_no_claims_about_readers,
    published_mistakes_are_cited,
    prints_what_was_measured,
    exercises_have_their_kinds,
)
