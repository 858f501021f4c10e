"""What plain Markdown is: the text that every program that runs notebooks can show."""

import re

import runner


def broken(markdown):
    """Return what Colab, GitHub, VS Code or JupyterLab would not show as it is meant.

    Their common ground, as far as it is known: CommonMark with tables; formulas between dollars, on
    one line; of HTML what `runner.TAGS` lists, without attributes: GitHub drops styles and scripts,
    and most drop classes and anchors. Colab shows pictures from the web alone, neither attachments
    nor files. Between HTML and Markdown stands an empty line.
    """
    prose = runner.CODE.sub("`", markdown)
    text = re.sub(r"\$\$.+?\$\$|\$[^$]+?\$", "$", prose)
    text = re.sub(r"^> ?", "", text, flags=re.M)
    links = re.findall(r"\]\(([^)]*)\)", text)
    text = re.sub(r"\]\([^)]*\)", "](…)", text)
    found = re.findall(
        r"\{[\w:+-]+\}`.*|^ *:::.*|^`{3,}\{.*|\(?eq-[\w-]+.*|^\([\w-]+\)=|\[\^.*", text, re.M
    )
    found += [f"<{tag}" for tag in re.findall(r"</?(\w[^>]*)>", text) if tag not in runner.TAGS]
    found += [link for link in links if not link.startswith("https://")]
    found += re.findall(r"!\[ *\]\(.*", text)
    found += re.findall(r"^.*\S\n</?details>.*|</summary>\n(?!\n).*", text, re.M)
    found += [math for math in re.findall(r"\$\$(?:.|\n)+?\$\$|\$[^$]+?\$", prose) if "\n" in math]
    return found
