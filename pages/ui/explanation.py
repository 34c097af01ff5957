"""What stands below the stage: why it is so, where it stops, code to take away, notes to teach by, where to go on."""

from collections.abc import Callable

import streamlit as st

from lessons import SYLLABUS
from lessons.controls import write_permalink
from lessons.lesson import Lesson, Settings
from pages.ui import navigation


def explain(lesson: Lesson, quiz: Callable[[], None]) -> None:
    """Why it is so, where it stops, and who says so."""
    navigation.text(f"#### Why\n{lesson.why}")
    if lesson.quiz:
        quiz()
    navigation.text(f"#### Where it stops\n{lesson.limits}")
    st.caption("Sources. " + " ".join(lesson.sources))


def take_away(lesson: Lesson, settings: Settings) -> None:
    """The code of this very figure at these very settings."""
    st.markdown("#### Take it with you\nThe numbers of this figure, at these settings. Run it in the course’s folder.")
    st.code(lesson.takeaway.code(settings).strip(), language="python")


def teach(lesson: Lesson) -> None:
    """For the instructor, folded: what students believe before, a demonstration as links, a question for the room."""
    with st.expander("For the instructor", key=f"teach-{lesson.slug}"):
        st.markdown(f"**What students believe.** {lesson.teaching.misconception}")
        st.markdown("**Two minutes in front of a class.** Each link opens the page at that setting.")
        for number, (words, settings) in enumerate(lesson.teaching.demo, start=1):
            # A link without a query would leave the settings as they are: the first control's default is written out.
            query = write_permalink(lesson.controls, lesson.complete(settings)) or _default(lesson)
            navigation.link(lesson.slug, f"{number}. {words}", query)
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


def _default(lesson: Lesson) -> dict[str, str]:
    control = next(control for control in lesson.controls if control.name)
    return {control.name: control.write(control.default)}
