"""Words: how text is checked, and cut up, before its pieces become tokens."""

import operator
import re
import unicodedata

__all__ = ["checked_ids", "checked_text", "split_words"]


class _Plain(dict):
    """For ``str.translate``: letters, numbers and spaces beyond ASCII, each as one of ASCII."""

    def __missing__(self, code):
        category = unicodedata.category(chr(code))[0]
        if code < 128:
            plain = code
        elif category == "Z" or code == 0x85:
            plain = ord("\t")
        else:
            plain = ord({"L": "A", "N": "0"}.get(category, "!"))
        self[code] = plain
        return plain


# The pattern of GPT-2 (Radford et al., 2019), for text that _PLAIN has made plain: contractions;
# words, numbers and signs, each with the space before it; white space but for that one space.
_PLAIN = _Plain()
_WORD = re.compile(
    r"'(?:[stmd]|re|ve|ll)| ?[A-Za-z]+| ?[0-9]+| ?[^\t-\r A-Za-z0-9]+"
    r"|[\t-\r ]+(?![^\t-\r ])|[\t-\r ]+"
)


def split_words(text, *, digits=False):
    """Cut text into the words within which byte pairs are joined, as GPT-2 does.

    A word keeps the space before it, and nothing is lost: the pieces joined are the text. With
    ``digits``, each digit is a piece of its own.

    Raises
    ------
    ValueError
        If ``text`` is no string that UTF-8 can express.

    Examples
    --------
    >>> split_words("We've  2 naïve cats, 1813!")
    ['We', "'ve", ' ', ' 2', ' naïve', ' cats', ',', ' 1813', '!']
    >>> split_words("in 1813", digits=True)
    ['in', ' ', '1', '8', '1', '3']
    """
    checked_text(text)
    plain = text.translate(_PLAIN)
    if not digits:
        return [text[match.start() : match.end()] for match in _WORD.finditer(plain)]
    words, start = [], 0
    for part in re.split("([0-9])", plain):
        spans = (match.span() for match in _WORD.finditer(part))
        words += [text[start + first : start + last] for first, last in spans]
        start += len(part)
    return words


def checked_text(text):
    """Return ``text`` if it is a string that UTF-8 can express.

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> checked_text("naïve")
    'naïve'
    """
    if not isinstance(text, str):
        raise ValueError(f"expected a text (str), got {type(text).__name__}.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the text has half a surrogate pair at {error.start}.") from None
    return text


def checked_ids(ids, vocabulary):
    """Return ``ids`` as a list of ints, each below ``vocabulary``.

    Raises
    ------
    ValueError
        If they are no integers, or one is out of range.

    Examples
    --------
    >>> checked_ids([3, 0], 4)
    [3, 0]
    >>> checked_ids([3, 4], 4)
    Traceback (most recent call last):
    ...
    ValueError: token ids must lie in 0 ... 3, got 4 at position 1.
    """
    try:
        ids = [operator.index(i) for i in ids]
    except TypeError:
        advice = " A text goes through a tokenizer first." if isinstance(ids, str) else ""
        raise ValueError(
            f"token ids must be a sequence of integers, got {ids!r:.60}.{advice}"
        ) from None
    for position, i in enumerate(ids):
        if not 0 <= i < vocabulary:
            raise ValueError(
                f"token ids must lie in 0 ... {vocabulary - 1}, got {i} at position {position}."
            )
    return ids
