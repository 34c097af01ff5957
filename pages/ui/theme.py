"""The look as Streamlit sends it with every run of a script: made once instead of each time.

Streamlit 1.67 gathers the theme anew for each run: six passes over all its options and two regular expressions for the
name of each. With a class at work that was a fifth of all that Python did. The options are read at the start and stay.
"""

import functools
from collections.abc import Callable

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

Gather = Callable[[CustomThemeConfig, str], None]


def made_once(gather: Gather) -> Gather:
    """`gather(message, section)`, which writes a section of the theme into a message, asked once for each section."""
    sections: dict[str, CustomThemeConfig] = {}

    @functools.wraps(gather)
    def populate(message: CustomThemeConfig, section: str = "theme") -> None:
        if section not in sections:
            written = CustomThemeConfig()
            gather(written, section)
            sections[section] = written
        if sections[section].ListFields():  # merging nothing would still count as a section of the message
            message.MergeFrom(sections[section])

    return populate


def make_once() -> None:
    """Let Streamlit use that, where it still gathers as the pinned version does."""
    gather = getattr(app_session, "_populate_theme_msg", None)
    if gather is not None and not hasattr(gather, "__wrapped__"):
        app_session._populate_theme_msg = made_once(gather)
