"""How Sphinx makes the site. `build.py` calls it on the pages that `gather.py` has collected."""

from docstrings import as_rst, short_names

import bpcompare

project = "bpcompare"
version = release = bpcompare.__version__
html_title = f"bpcompare {version}"
extensions = ["sphinx.ext.autodoc", "myst_nb"]
root_doc = "index"
smartquotes = False  # the text stays as it is written: -- is an option, not a dash
highlight_language = "text"

# Markdown means here what it means on GitHub: its anchors, and none of the additions of MyST.
myst_heading_anchors = 6
myst_disable_syntax = ["myst_block_break", "myst_line_comment", "myst_role", "myst_target"]
nb_execution_mode = "off"  # the outputs are in the notebook; tests/page runs it

autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
maximum_signature_line_length = 80
default_role = "code"

html_theme = "furo"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_search_summary = False  # it is fetched, and browsers fetch nothing from file://
html_domain_indices = False
html_use_index = True


def setup(app):  # noqa: ANN001, ANN201
    """Sphinx calls it."""
    app.connect("autodoc-process-docstring", as_rst)
    app.connect("autodoc-process-signature", short_names)
