"""How the studio looks: warm paper by day, a lamp-lit book by night, in every system's own fonts.

Colours and type live here, as gradio's theme variables and as our own CSS variables; layout lives
in `studio.css`. Nothing is fetched: no web fonts, no icons from elsewhere.
"""

from __future__ import annotations

from inspect import signature
from pathlib import Path

from gradio.themes import Base
from gradio.themes.utils import sizes

BODY = ("Avenir Next", "Segoe UI", "Ubuntu", "Cantarell", "system-ui", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

LIGHT = {
    "paper": "#f6ecd9",
    "page": "#fffaf0",
    "edge": "#e4d3b4",
    "ink": "#33263c",
    "quiet": "#6d5c66",
    "accent": "#b5372f",
    "accent-strong": "#93251f",
    "on-accent": "#fffaf0",
    "soft": "#f9e6cf",
    "gold": "#d99a2b",
    "teal": "#0b6f79",
    "wave": "#c2691c",
    "shadow": "rgb(84 54 28 / .16)",
}
DARK = {
    "paper": "#191627",
    "page": "#231f36",
    "edge": "#40395c",
    "ink": "#f4e9d6",
    "quiet": "#b9adc4",
    "accent": "#f0a860",
    "accent-strong": "#ffc488",
    "on-accent": "#2a1a10",
    "soft": "#352c48",
    "gold": "#f6cb6a",
    "teal": "#7fd0d2",
    "wave": "#ffb45e",
    "shadow": "rgb(0 0 0 / .45)",
}


ROLES = {
    "body_background_fill": "var(--paper)",
    "body_text_color": "var(--ink)",
    "body_text_color_subdued": "var(--quiet)",
    "background_fill_primary": "var(--page)",
    "background_fill_secondary": "var(--soft)",
    "border_color_primary": "var(--edge)",
    "border_color_accent": "var(--accent)",
    "color_accent": "var(--accent)",
    "color_accent_soft": "var(--soft)",
    "link_text_color": "var(--teal)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "block_label_text_color": "var(--quiet)",
    "block_label_background_fill": "transparent",
    "block_title_text_color": "var(--ink)",
    "block_title_text_weight": "600",
    "block_info_text_color": "var(--quiet)",
    "input_background_fill": "var(--page)",
    "input_border_color": "var(--edge)",
    "input_border_color_focus": "var(--accent)",
    "input_placeholder_color": "var(--quiet)",
    "checkbox_background_color": "var(--page)",
    "checkbox_background_color_selected": "var(--accent)",
    "checkbox_border_color": "var(--quiet)",
    "checkbox_border_color_selected": "var(--accent)",
    "checkbox_label_background_fill": "transparent",
    "slider_color": "var(--accent)",
    "button_primary_background_fill": "var(--accent)",
    "button_primary_background_fill_hover": "var(--accent-strong)",
    "button_primary_text_color": "var(--on-accent)",
    "button_primary_border_color": "transparent",
    "button_secondary_background_fill": "var(--page)",
    "button_secondary_background_fill_hover": "var(--soft)",
    "button_secondary_text_color": "var(--ink)",
    "button_secondary_border_color": "var(--edge)",
}
"""Gradio's theme variables; our colours change with the light, so both of its modes get these."""


def studio_theme() -> Base:
    """Gradio's plainest theme in the studio's colours, light and dark."""
    theme = Base(
        font=BODY,
        font_mono=MONO,
        radius_size=sizes.radius_lg,
        spacing_size=sizes.spacing_md,
        text_size=sizes.text_md,
    )
    known = signature(theme.set).parameters
    dark = {f"{role}_dark": value for role, value in ROLES.items() if f"{role}_dark" in known}
    return theme.set(**ROLES, **dark)


def studio_css() -> str:
    """The two palettes as CSS variables, then the layout from the `.css` files of this folder."""
    sheets = ("studio.css", "inside.css")
    layout = "\n".join(Path(__file__).with_name(s).read_text(encoding="utf-8") for s in sheets)
    return f":root{{{_variables(LIGHT)}}}\n.dark{{{_variables(DARK)}}}\n{layout}"


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in palette.items())
