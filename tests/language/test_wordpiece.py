"""WordPiece takes a time that grows with the length of the text, whatever stands in it."""

import unicodedata
from unittest.mock import MagicMock

import pytest

from nncourse.language import wordpiece
from nncourse.language.wordpiece import SPECIAL, WordPieceTokenizer, split_uncased


def test_each_ideograph_is_a_word():
    """By their names in Unicode, up to extension E, with the gap of the reference."""
    everything = map(
        chr, [*range(0x3000, 0xD800), *range(0xF900, 0xFFFE), *range(0x1F000, 0x30000)]
    )
    named = {c: unicodedata.name(c, "") for c in everything}
    alone = {
        c: "IDEOGRAPH-" in name and name.startswith("CJK") and not 0x2B820 <= ord(c) < 0x2B920
        for c, name in named.items()
        if unicodedata.category(c) in ("Lo", "So")  # no accent, no punctuation
        and unicodedata.normalize("NFD", c) == c  # the others become other characters first
        and ord(c) < 0x2CEB0
        and c != "\ufffd"  # what stands for a character that could not be read is dropped
    }
    assert sum(alone.values()) > 80_000
    expected = "".join(f" {c} " if lone else c for c, lone in alone.items()).split()
    assert split_uncased("".join(alone)) == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B81F),
        (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
    ],
)  # fmt: skip
def test_blocks_of_ideographs_begin_and_end_as_in_unicode(first, last):
    """Blocks.txt, and the reference's 0x2B920; the next character on each side is a letter's."""
    for code in (first, last):
        word = unicodedata.normalize("NFD", chr(code))
        assert split_uncased(f"a{chr(code)}b") == ["a", word, "b"]
    for code in (first - 1, last + 1):
        assert len(split_uncased(f"a{chr(code)}b")) == 1


def test_accents_are_dropped_letter_by_letter(monkeypatch):
    """NFD of a whole text sorts each letter's accents: 30 seconds for 200,000 of them."""
    normalize, lengths = wordpiece.unicodedata.normalize, set()
    wordpiece._unaccented.cache_clear()
    counted = MagicMock(
        normalize=lambda form, text: lengths.add(len(text)) or normalize(form, text)
    )
    counted.category = wordpiece.unicodedata.category
    monkeypatch.setattr(wordpiece, "unicodedata", counted)
    text = "Zo\N{COMBINING DIAERESIS}\N{COMBINING CEDILLA}é ç"
    assert split_uncased(f"{text} {text}") == ["zoe", "c", "zoe", "c"]
    assert lengths == {1}


def test_a_piece_is_looked_for_no_longer_than_there_are():
    """In 100 letters a place asks for as many lengths as "[MASK]" has, not for up to 100."""
    tokenizer, asked = WordPieceTokenizer([*SPECIAL, "a", "##a"]), []

    class Counted(dict):
        def get(self, key):
            asked.append(key)
            return dict.get(self, key)

    tokenizer.ids = Counted(tokenizer.ids)
    assert len(tokenizer.encode("a" * 100)) == 102
    assert len(asked) <= 100 * len("[MASK]")


def test_each_sign_of_punctuation_is_a_word():
    """By their category in Unicode; of other signs, those of ASCII alone."""
    signs = [chr(i) for i in range(33, 0x20000) if unicodedata.category(chr(i))[0] == "P"]
    signs = [c for c in signs if unicodedata.normalize("NFD", c) == c]
    assert len(signs) > 700 and "\N{EM DASH}" in signs and "¿" in signs
    for sign in (*signs, *"$+<=>^`|~"):
        assert split_uncased(f"a{sign}b") == ["a", sign, "b"], sign
    for sign in "€×¬№":
        assert len(split_uncased(f"a{sign}b")) == 1
    assert split_uncased("a\u00a0b\tc\u2003d\x00e\u200df") == ["a", "b", "c", "def"]
