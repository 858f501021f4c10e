"""Tokenizers: text to whole numbers and back.

Three ways to choose the pieces: characters (few pieces, long sequences), byte pairs (frequent
sequences of bytes become one piece; nothing is unknown), and WordPiece (BERT's). Each has
``encode(text) -> list of int``, ``decode(ids) -> str`` and ``len``, the size of the vocabulary.
"""

from .bytepair import BytePairTokenizer
from .wordpiece import WordPieceTokenizer
from .words import checked_ids, checked_text

__all__ = ["BytePairTokenizer", "CharacterTokenizer", "WordPieceTokenizer"]


class CharacterTokenizer:
    """One token for each character that occurs in ``text``, in the order of their code points.

    Parameters
    ----------
    text : str
        Any text with all the characters that will be needed; often the whole training text.

    Raises
    ------
    ValueError
        If ``text`` is empty, or a character to be encoded or an id to be decoded is unknown.

    Examples
    --------
    >>> tokenizer = CharacterTokenizer("hello")
    >>> tokenizer
    CharacterTokenizer(4 characters)
    >>> tokenizer.encode("hole")
    [1, 3, 2, 0]
    >>> tokenizer.decode([1, 3, 2, 0])
    'hole'
    """

    def __init__(self, text):
        self.alphabet = "".join(sorted(set(text)))
        if not self.alphabet:
            raise ValueError("CharacterTokenizer needs a text with at least one character.")
        self._ids = {character: i for i, character in enumerate(self.alphabet)}

    def __len__(self):
        return len(self.alphabet)

    def __repr__(self):
        return f"CharacterTokenizer({len(self)} characters)"

    def encode(self, text):
        """Return one id for each character of ``text``."""
        try:
            return [self._ids[character] for character in checked_text(text)]
        except KeyError as error:
            raise ValueError(
                f"{error.args[0]!r} is not among the {len(self)} characters of this tokenizer."
            ) from None

    def decode(self, ids):
        """Return the text that these ids stand for."""
        return "".join(self.alphabet[i] for i in checked_ids(ids, len(self)))
