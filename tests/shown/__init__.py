"""What each lesson says and draws, one file a lesson: every sentence and every line with what it must agree with.

A file holds, as far as its lesson has them (AXES and LABELS may depend on the run: result -> dict):
    SAYS      every sentence that the page may say of a run, as a `Says`: its pattern, and what must be true of the run
    DRAWN     every line of the figure: {id: result -> (x, y)}, in terms of the result's own numbers
    MARKS     every mark: {id: result -> (x, y)}, and LABELS, what stands beside it: {id: label}
    AXES      the labels of the axes: {panel: (horizontal, vertical)}
    FIELDS    every field: {id: (x, y, result) -> its value there}
    table_slips(tables, result)  what is wrong in the tables, where the lesson has any
    LANDMARKS {slider/label: (value, result) -> whether the number there is what the label says}
    PLACES    settings that random ones hardly meet, so that every sentence of SAYS is met at least once
    results() where a lesson is about something measured or trained: its results, in place of random settings
"""
