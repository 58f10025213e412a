"""Page -> report.html: one file that needs no other."""

from __future__ import annotations

from functools import cache

import jinja2

from patchc.report.page.picture import Page, Picture
from patchc.resources import templates_dir


def render_page(page: Page) -> str:
    """The text of the file. The same page gives the same bytes."""
    return _environment().get_template("page.html.j2").render(page=page)


def render_picture(picture: Picture) -> str:
    """The text of an SVG file that needs no other."""
    return _environment().get_template("picture.svg.j2").render(picture=picture)


def pixels(length: float) -> str:
    """A length, to a tenth."""
    return f"{length:.1f}".removesuffix(".0")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir() / "report"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,  # names come from models
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["px"] = pixels
    return environment
