"""Byte-pair encoding: the tokenizer of GPT, trained from scratch or with published merges."""

import codecs
import heapq
import re
from collections import Counter, defaultdict
from itertools import pairwise

from .words import checked_ids, split_words

__all__ = ["BytePairTokenizer"]


class BytePairTokenizer:
    """Byte-pair encoding: begin with bytes, and join the pair that was learned first, again.

    Text is cut into words (see :func:`split_words`), each word into its UTF-8 bytes. Then two
    neighbors that form a merge are joined, the earliest merge of the list first, until none is
    left. With all 256 bytes in the vocabulary, every text can be encoded, and decoding gives it
    back exactly. A published vocabulary may lack a few bytes (SmolLM2's lacks some control
    characters, and those that occur in no UTF-8): they are left out, as its own tokenizer does.

    Parameters
    ----------
    tokens : sequence of bytes
        The vocabulary; the index of a token is its id.
    merges : sequence of (bytes, bytes)
        Pairs to be joined, the most important first.
    special : sequence of str
        Tokens of the vocabulary that are signals and no text, such as ``<|im_end|>``. They are
        recognized only by ``encode(text, special=True)``, so that a user's text cannot forge them.
    digits : bool
        Cut numbers into single digits first.

    Raises
    ------
    ValueError
        If a merge or a special token is not in the vocabulary, or an id to be decoded is unknown.

    Source: Sennrich, Haddow and Birch (2016); on bytes: Radford et al. (2019).

    Examples
    --------
    >>> tokenizer = BytePairTokenizer.train("low lower lowest slow", vocabulary=259)
    >>> tokenizer
    BytePairTokenizer(259 tokens: 256 bytes, 3 merges)
    >>> tokenizer.merges
    [(b'l', b'o'), (b'lo', b'w'), (b' ', b'low')]
    >>> tokenizer.encode("slow low")
    [115, 257, 258]
    >>> tokenizer.decode([115, 257, 258])
    'slow low'
    >>> tokenizer.decode(tokenizer.encode("naïve 😀"))
    'naïve 😀'
    """

    def __init__(self, tokens, merges, *, special=(), digits=False):
        self.tokens, self.merges, self.digits = list(tokens), list(merges), digits
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.special = {text: self.ids.get(text.encode()) for text in special}
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self._known = {}  # words that were encoded before
        if len(self.ids) != len(self.tokens) or len(self._rank) != len(self.merges):
            raise ValueError("a token or a merge occurs twice.")
        if not all(len(pair) == 2 and all(pair) for pair in self.merges):
            raise ValueError("each merge joins two pieces, and none is empty.")
        wanted = [left + right for left, right in self.merges]
        wanted += [text.encode() for text in special]
        missing = [token for token in wanted if token not in self.ids]
        if missing:
            raise ValueError(f"{missing[0]!r} is a merge or special, but not in the vocabulary.")
        self._special_pattern = "|".join(map(re.escape, sorted(special, key=len, reverse=True)))

    @classmethod
    def train(cls, text, vocabulary, *, digits=False):
        """Learn merges from ``text`` until there are ``vocabulary`` tokens, 256 bytes among them.

        Each step joins the pair of neighboring tokens that occurs most often (among equals: the
        one with the lower ids). Stops early when no pair occurs twice.

        Raises
        ------
        ValueError
            If ``vocabulary`` is below 256.
        """
        if vocabulary < 256:
            raise ValueError(f"vocabulary includes the 256 bytes; got {vocabulary}.")
        counts = Counter(split_words(text, digits=digits))
        words = [[list(word.encode()), times] for word, times in counts.items()]
        tokens = [bytes([i]) for i in range(256)]
        merges = _learn(words, tokens, vocabulary)
        return cls(tokens, [(tokens[left], tokens[right]) for left, right in merges], digits=digits)

    @classmethod
    def from_printable(cls, tokens, merges, *, special=(), digits=False):
        """Take over a vocabulary and merges (``"a b"``) written in GPT-2's printable characters.

        Examples
        --------
        >>> tokens = ["o", "n", "Ġ", "on", "Ġon"]  # Ġ is how GPT-2 writes a space
        >>> tokenizer = BytePairTokenizer.from_printable(tokens, ["o n", "Ġ on"])
        >>> tokenizer.encode("on on")
        [3, 4]
        """
        byte, special = _byte_alphabet(), tuple(special)

        def to_bytes(token):
            try:
                return bytes(byte[character] for character in token)
            except KeyError:
                raise ValueError(f"{token!r:.60} is not written in GPT-2's characters.") from None

        tokens = [t.encode() if t in special else to_bytes(t) for t in tokens]
        merges = [tuple(map(to_bytes, merge.split(" "))) for merge in merges]
        return cls(tokens, merges, special=special, digits=digits)

    def __len__(self):
        return len(self.tokens)

    def __repr__(self):
        parts = [f"{len(self)} tokens: {sum(len(t) == 1 for t in self.tokens)} bytes"]
        parts += [f"{len(self.merges)} merges"]
        parts += [f"{len(self.special)} special"] if self.special else []
        return f"BytePairTokenizer({', '.join(parts)})"

    def encode(self, text, *, special=False):
        """Return the ids of ``text``; ``special=True`` recognizes special tokens in it."""
        if special and self.special:
            parts = re.split(f"({self._special_pattern})", text)
        else:
            parts = [text]
        ids = []
        for i, part in enumerate(parts):
            if i % 2:
                ids.append(self.special[part])
                continue
            for word in split_words(part, digits=self.digits):
                if word not in self._known:
                    self._known[word] = self._join(word)
                ids += self._known[word]
        return ids

    def decode(self, ids):
        """Return the text, special tokens too; bytes that are no UTF-8 become U+FFFD."""
        pieces = (self.tokens[i] for i in checked_ids(ids, len(self)))
        return b"".join(pieces).decode("utf-8", errors="replace")

    def decode_stream(self, ids):
        """Yield the text of each id as soon as its characters are complete.

        Examples
        --------
        >>> tokenizer = BytePairTokenizer([bytes([i]) for i in range(256)], [])
        >>> list(tokenizer.decode_stream(tokenizer.encode("aé!")))
        ['a', '', 'é', '!', '']
        """
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for i in ids:
            yield decoder.decode(self.tokens[i])
        yield decoder.decode(b"", final=True)

    def _join(self, word):
        """Ids of one word: join the pair of the lowest rank, wherever it occurs, and look again.

        A heap holds the ranks that occur; of each, it is known where. A joined piece stands where
        its left part began, and only its two neighbors make new pairs: n log n steps in all.
        """
        parts = [bytes([byte]) for byte in word.encode()]
        before, after = list(range(-1, len(parts) - 1)), list(range(1, len(parts) + 1))
        heap, where = [], defaultdict(list)

        def note(left):
            """Remember the pair that begins at this place, if it is a merge."""
            if left >= 0 and after[left] < len(parts):
                rank = self._rank.get((parts[left], parts[after[left]]))
                if rank is not None:
                    if rank not in where:
                        heapq.heappush(heap, rank)
                    where[rank].append(left)

        for left in range(len(parts)):
            note(left)
        while heap:
            rank = heapq.heappop(heap)
            pair, changed = self.merges[rank], []
            for left in sorted(where.pop(rank)):
                right = after[left]
                if right == len(parts) or (parts[left], parts[right]) != pair:
                    continue  # joined with another one since
                parts[left], parts[right] = pair[0] + pair[1], None
                after[left] = after[right]
                if after[left] < len(parts):
                    before[after[left]] = left
                changed.append(left)
            for left in changed:
                note(before[left])
                note(left)
        return [self.ids[part] for part in parts if part in self.ids]


def _joined(parts, pair, new):
    """Replace each occurrence of ``pair``, from left to right, by ``new``."""
    joined, i = [], 0
    while i < len(parts):
        if parts[i] == pair[0] and i + 1 < len(parts) and parts[i + 1] == pair[1]:
            joined.append(new)
            i += 2
        else:
            joined.append(parts[i])
            i += 1
    return joined


def _learn(words, tokens, vocabulary):
    """Append to ``tokens`` until there are enough; return the pairs of ids that were joined.

    ``words`` holds each different word once, as [ids, how often]. Only words with the pair that
    is joined change, so only their pairs are counted again; a heap finds the next best pair.
    """
    count, where = Counter(), defaultdict(set)  # of each pair: how often, in which words
    for i, (ids, times) in enumerate(words):
        for pair in pairwise(ids):
            count[pair] += times
            where[pair].add(i)
    heap = [(-times, pair) for pair, times in count.items()]
    heapq.heapify(heap)
    known, merges = {token: i for i, token in enumerate(tokens)}, []
    while heap and len(tokens) < vocabulary:
        times, best = heapq.heappop(heap)
        if -times != count[best]:  # it has become rarer since it was put there
            heapq.heappush(heap, (-count[best], best))
            continue
        if times > -2:
            break
        token = tokens[best[0]] + tokens[best[1]]
        new = known.setdefault(token, len(tokens))  # two ways may lead to the same bytes
        tokens += [token] if new == len(tokens) else []
        merges.append(best)
        grown = set()
        for i in where.pop(best):
            ids, times = words[i]
            joined = _joined(ids, best, new)
            count.subtract({pair: times * n for pair, n in Counter(pairwise(ids)).items()})
            for pair in pairwise(joined):
                count[pair] += times
                where[pair].add(i)
                grown.add(pair)
            words[i] = [joined, times]
        for pair in grown:
            if new in pair:
                heapq.heappush(heap, (-count[pair], pair))
    return merges


def _byte_alphabet():
    """GPT-2 writes each byte as one printable character: 256 of them, as character → byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    return alphabet | {chr(256 + n): byte for n, byte in enumerate(others)}
