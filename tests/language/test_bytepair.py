"""Byte pairs: what is joined."""

from nncourse.language.bytepair import BytePairTokenizer


def test_numbers_are_joined_unless_told():
    for digits in (False, True):
        options = {"digits": True} if digits else {}
        tokenizer = BytePairTokenizer.train("1813 1813 1813", 260, **options)
        assert (b"18" in tokenizer.tokens) != digits and tokenizer.digits == digits
