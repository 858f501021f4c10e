"""What a link to a page shows where it is shared: title, first sentences, a picture.

The tags are written by sphinxext-opengraph. It needs to know where the book will stand, on the
GitHub Pages of the repository that `_config.yml` names, and which sentences are the first.
"""

from urllib.parse import urlsplit

from docutils import nodes


def name_the_site(app, config):
    """Derive the site's address from the repository's."""
    owner, name = urlsplit(config.html_theme_options["repository_url"]).path.strip("/").split("/")
    config.ogp_site_url = f"https://{owner.lower()}.github.io/{name}/"


def begin_with_the_text(app, pagename, template, context, doctree):
    """Drop the line of facts from a page that is written already, before it is described."""
    for line in list(doctree.findall(nodes.paragraph)) if doctree else ():
        if "chapter-facts" in line["classes"]:
            line.parent.remove(line)


def setup(app):
    """Connect to Sphinx."""
    app.connect("html-page-context", begin_with_the_text)
    app.setup_extension("sphinxext.opengraph")
    app.connect("config-inited", name_the_site)
    return {"version": "1", "parallel_read_safe": True}
