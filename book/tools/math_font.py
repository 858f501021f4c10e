"""Make assets/stix-two-math.woff2 of the font file of the npm package @fontsource/stix-two-math.

Kept are the characters that formulas like the book's can use. Chromium leaves as much room for a
root as its tallest sign is wide, so all signs of roots are made as wide as the lowest; and it
measures from the ink of a letter where TeX takes fixed shifts, so the drops of indices and powers
are TeX's. Needs fonttools and brotli:

    python book/tools/math_font.py stix-two-math-latin-400-normal.woff2
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

TARGET = Path(__file__).resolve().parents[1] / "assets" / "stix-two-math.woff2"
CHARACTERS = """20-7E A0 AC AF B1 B7 D7 2C6 2D9 2DC 302-305 332 391-3C9 3D1 3D5 3D6 3F0-3F5 2016
2020-2022 2026 2032-2034 2044 2061-2063 210B-2113 211B-211D 2124 2130 2131 2133 2190-2195 21A6
21D0-21D4 2200-2222 2223 2225 2227-222B 223C 2243-2248 2260 2261 2264 2265 226A 226B 2282-2287
2295-2299 22A4 22A5 22C5 22EE-22F1 2308-230B 23DE 23DF 27E8 27E9 1D400-1D467 1D538-1D56B
1D6A4-1D71B 1D736-1D755 1D7CE-1D7D7"""
ROOT_SIGN = 0x221A
MEASURES = {  # thousandths of the size of the letters
    "AccentBaseHeight": 440,
    "FractionRuleThickness": 54,
    "RadicalVerticalGap": 110,
    "SubscriptBaselineDropMin": 0,
    "SuperscriptBaselineDropMax": 386,
}


def characters():
    """Return the code points to keep."""
    for part in CHARACTERS.split():
        start, _, end = part.partition("-")
        yield from range(int(start, 16), int(end or start, 16) + 1)


def narrow_roots(font):
    """Make the taller signs of roots, and the parts of the tallest, as wide as the lowest."""
    lowest, variants = font.getBestCmap()[ROOT_SIGN], font["MATH"].table.MathVariants
    made = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(lowest)]
    signs = {record.VariantGlyph for record in made.MathGlyphVariantRecord}
    signs |= {part.glyph for part in made.GlyphAssembly.PartRecords}
    widths, outlines = font["hmtx"], font["glyf"]
    for sign in signs - {lowest}:
        ratio = widths[lowest][0] / widths[sign][0]
        outlines[sign].coordinates.scale((ratio, 1))
        outlines[sign].recalcBounds(outlines)
        widths[sign] = widths[lowest][0], outlines[sign].xMin


def main(source):
    """Write the font of the book."""
    font = TTFont(source)
    options = Options(layout_features=[], hinting=False, name_IDs=[0, 1, 2, 13, 14])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters())
    subsetter.subset(font)
    narrow_roots(font)
    for name, value in MEASURES.items():
        getattr(font["MATH"].table.MathConstants, name).Value = value
    font.flavor = "woff2"
    font.save(TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
