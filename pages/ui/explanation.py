"""What stands below the stage: why it is so, where it stops, code to take away, notes to teach by, where to go on."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lessons import SYLLABUS
from lessons.lesson import Lesson, Settings
from pages.ui import navigation, permalinks


def explain(lesson: Lesson, quiz: Callable[[], None]) -> None:
    """Why it is so, where it stops, who says so, and the heading of the code to take away."""
    navigation.text(f"## Why\n{lesson.why}")
    if lesson.quiz:
        quiz()
    navigation.text(f"## Where it stops\n{lesson.limits}")
    st.caption("Sources. " + " ".join(lesson.sources))
    st.markdown("## Take it with you\nThe numbers of this figure, at these settings. Run it in the course’s folder.")


def take_away(lesson: Lesson, settings: Settings, place: DeltaGenerator) -> None:
    """The code of this very figure at these very settings, below its heading."""
    place.code(lesson.takeaway.code(settings).strip(), language="python")


def files(lesson: Lesson, offered: list, command: str) -> None:
    """Files to save, and the command line that makes the same."""
    if not offered:
        return
    with st.container(horizontal=True, key="files"):
        for number, file in enumerate(offered):
            key = f"file-{lesson.slug}-{number}"
            st.download_button(f"Save as {file.label}", file.content, file.name, key=key, on_click="ignore")
    st.caption("The same without a browser, in the course’s folder:")
    st.code(command, language="bash", wrap_lines=True)


def teach(lesson: Lesson) -> None:
    """For the instructor, folded: what students believe before, a demonstration as links, a question for the room."""
    with st.expander("For the instructor", key=f"teach-{lesson.slug}"):
        st.markdown(f"**What students believe.** {lesson.teaching.misconception}")
        st.markdown("**Two minutes in front of a class.** Each link opens the page at that setting.")
        demo = [(words, lesson, settings) for words, settings in lesson.teaching.demo]
        permalinks.listed(demo, f"demo-{lesson.slug}")
        st.markdown(f"**Ask the room.** {lesson.teaching.room}")


def onward(lesson: Lesson) -> None:
    """The lessons before and after this one."""
    order = [item for part in SYLLABUS for item in part.lessons]
    place = order.index(lesson)
    with st.container(key="onward", horizontal=True):
        if place > 0:
            navigation.link(order[place - 1].slug, f"← {order[place - 1].title}")
        if place + 1 < len(order):
            navigation.link(order[place + 1].slug, f"{order[place + 1].title} →")
