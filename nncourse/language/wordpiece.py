"""WordPiece: the tokenizer of BERT, in its uncased form."""

import re
import unicodedata
from functools import lru_cache

import numpy as np

from .words import checked_ids, checked_text

__all__ = ["WordPieceTokenizer", "split_uncased"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SPECIAL = re.compile("(" + "|".join(map(re.escape, SPECIAL)) + ")")
LONGEST_WORD = 100  # longer ones are unknown

# Blocks of ideographs, in which each character is a word; with 0x2B920 for 0x2B820, as in the
# tokenizers library that wrote the ids which the models know.
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class WordPieceTokenizer:
    """Words in lower case, without accents; each as the longest known pieces from its left.

    Pieces that continue a word begin with ``##``; a word that cannot be built is ``[UNK]``. A
    sequence is ``[CLS]`` pieces ``[SEP]``, cut to ``context``.

    Parameters
    ----------
    tokens : sequence of str
        The vocabulary, with ``[PAD]``, ``[UNK]``, ``[CLS]``, ``[SEP]`` and ``[MASK]`` in it; the
        index of a token is its id.
    context : int
        The most tokens of one sequence, ``[CLS]`` and ``[SEP]`` included.

    Raises
    ------
    ValueError
        If a special token is missing, ``context`` is below 2, or what is to be encoded or
        decoded is no text or no id.

    Source: Schuster and Nakajima (2012); Devlin, Chang, Lee and Toutanova (2019).

    Examples
    --------
    >>> tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "neu", "##ral", "net", "##s", "!"]
    >>> tokenizer = WordPieceTokenizer(tokens)
    >>> tokenizer
    WordPieceTokenizer(10 tokens, at most 256 in a sequence)
    >>> tokenizer.encode("Néural nets!")
    [2, 5, 6, 7, 8, 9, 3]
    >>> tokenizer.decode([2, 5, 6, 7, 8, 9, 3])
    'neural nets !'
    >>> ids, mask = tokenizer.batch(["neural nets", "net"])
    >>> ids
    array([[2, 5, 6, 7, 8, 3],
           [2, 7, 3, 0, 0, 0]])
    >>> mask.sum(axis=1)
    array([6, 3])
    """

    def __init__(self, tokens, *, context=256):
        self.tokens, self.context = list(tokens), context
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        missing = [token for token in SPECIAL if token not in self.ids]
        if missing:
            raise ValueError(f"the vocabulary lacks {', '.join(missing)}.")
        if context < 2:
            raise ValueError(f"context must leave room for [CLS] and [SEP], got {context}.")
        self.special = {token: self.ids[token] for token in SPECIAL}
        self._longest = max(map(len, self.tokens))

    def __len__(self):
        return len(self.tokens)

    def __repr__(self):
        return f"WordPieceTokenizer({len(self)} tokens, at most {self.context} in a sequence)"

    def encode(self, text, *, special=False):
        """Return ``[CLS]``, the ids of ``text``, ``[SEP]``; a text too long loses its end.

        ``special=True`` recognizes special tokens in the text: ``[MASK]`` is then a masked word.
        """
        parts, pieces = _SPECIAL.split(checked_text(text)) if special else [text], []
        for i, part in enumerate(parts):
            if i % 2:  # between the texts stand the special tokens
                pieces.append(self.special[part])
            else:
                pieces += [piece for word in split_uncased(part) for piece in self._pieces(word)]
        cls, sep = self.special["[CLS]"], self.special["[SEP]"]
        return [cls, *pieces[: self.context - 2], sep]

    def batch(self, texts):
        """Encode several texts: ids and mask, both (texts, longest), filled up with ``[PAD]``."""
        if isinstance(texts, str):
            raise ValueError(f"expected a sequence of texts, got one text: [{texts!r:.40}]")
        rows = [self.encode(text) for text in texts]
        lengths = np.array([len(row) for row in rows], np.int64)
        mask = lengths[:, None] > np.arange(lengths.max(initial=0))
        ids = np.full(mask.shape, self.special["[PAD]"])
        ids[mask] = [i for row in rows for i in row]
        return ids, mask

    def decode(self, ids):
        """Return the words joined by spaces, without ``[CLS]``, ``[SEP]`` and ``[PAD]``."""
        silent = ("[CLS]", "[SEP]", "[PAD]")
        tokens = [self.tokens[i] for i in checked_ids(ids, len(self))]
        return " ".join(token for token in tokens if token not in silent).replace(" ##", "")

    def _pieces(self, word):
        unknown = [self.special["[UNK]"]]
        if len(word) > LONGEST_WORD:
            return unknown
        pieces, start = [], 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = self.ids.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    break
            else:
                return unknown
            pieces.append(piece)
            start = end
        return pieces


def split_uncased(text):
    """Cut text into words as BERT's uncased models do: no case, accents, or control characters.

    Each punctuation sign and each ideograph is a word of its own.

    Raises
    ------
    ValueError
        If ``text`` is no string that UTF-8 can express.

    Examples
    --------
    >>> split_uncased("Crème brûlée, 神经网络!")
    ['creme', 'brulee', ',', '神', '经', '网', '络', '!']
    """
    text = "".join(map(_cleaned, checked_text(text)))
    return "".join(map(_lowered, "".join(map(_unaccented, text)))).split()


@lru_cache(maxsize=4096)
def _cleaned(character):
    """A character as it is, as a space, between spaces (an ideograph), or as nothing."""
    code, category = ord(character), unicodedata.category(character)
    if character in "\t\n\r" or category[0] == "Z":
        return " "
    if code in (0, 0xFFFD) or category in ("Cc", "Cf", "Co"):
        return ""
    return f" {character} " if any(low <= code <= high for low, high in _IDEOGRAPHS) else character


@lru_cache(maxsize=4096)
def _unaccented(character):
    """What is left of a character without its accents.

    One by one: NFD would also put each letter's accents in order, which takes time that grows with
    the square of their number, for accents that are dropped.
    """
    parts = unicodedata.normalize("NFD", character)
    return "".join(c for c in parts if unicodedata.category(c) != "Mn")


@lru_cache(maxsize=4096)
def _lowered(character):
    """A character in lower case, between spaces if it is a sign of punctuation."""
    ascii_sign = character.isascii() and character.isprintable() and not character.isalnum()
    if character != " " and (ascii_sign or unicodedata.category(character)[0] == "P"):
        return f" {character} "
    return character.lower()
