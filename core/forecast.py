"""How long work will still take, from what it is made of and what it has taken so far. No clock and no file in here.

Work is pieces of several kinds, all pieces of a kind alike, and starts: what happens once before the first piece, such
as compiling its program. Expected times come from a measurement on the same machine. As the work runs, a kind that has
been timed counts as timed, the others keep their expected time times the pace: how much longer than expected the timed
ones took. Starts have a pace of their own, since a compiled program may or may not lie in a cache.
"""

from collections.abc import Hashable, Iterable, Mapping

MEMORY = 0.97  # what is left of the weight of an older timing with each newer one of its kind: a machine may slow down
UNKNOWN = "time not known yet"
LEAST = 1e-9  # seconds: a shorter time is none to compare with


class Forecast:
    """left: pieces to come by kind.  starts: to come.  rates, firsts: expected seconds of a piece, of a start."""

    def __init__(
        self,
        left: Mapping[Hashable, float],
        starts: Iterable[Hashable] = (),
        rates: Mapping[Hashable, float] | None = None,
        firsts: Mapping[Hashable, float] | None = None,
    ):
        self._left, self._starts = dict(left), set(starts)
        self._rates, self._firsts = dict(rates or {}), dict(firsts or {})
        self._recent: dict[Hashable, tuple[float, float]] = {}  # pieces and their seconds, the older weighing less
        self._whole: dict[Hashable, tuple[float, float]] = {}  # the same, all of equal weight
        self._first: dict[Hashable, tuple[Hashable, float, float]] = {}  # by start: kind, pieces, seconds of both

    def did(self, kind: Hashable, pieces: float, seconds: float, start: Hashable = None) -> None:
        """So many pieces took so long. start: what they needed first; it counts where it is still to come."""
        self.skip(kind, pieces)
        if start in self._starts:
            self._starts.discard(start)
            self._first[start] = kind, pieces, seconds
            return
        for tally, keep in ((self._recent, MEMORY), (self._whole, 1.0)):
            before, spent = tally.get(kind, (0.0, 0.0))
            tally[kind] = keep * before + pieces, keep * spent + seconds

    def skip(self, kind: Hashable, pieces: float) -> None:
        """So many pieces are not needed after all, or are done without having been timed."""
        self._left[kind] = max(self._left.get(kind, 0.0) - pieces, 0.0)

    def seconds(self) -> float | None:
        """What is left; None while nothing is known about a part of it."""
        pace, opening = self._pace(), None
        whole = 0.0
        for kind, pieces in self._left.items():
            if pieces > 0:
                rate = self._rate(kind, pace)
                if rate is None:
                    return None
                whole += pieces * rate
        for start in self._starts:
            if opening is None:
                opening = self._opening(pace)
            mean, times = opening
            if start in self._firsts:
                whole += times * self._firsts[start]
            elif mean is None:
                return None
            else:
                whole += mean
        return whole

    def rate(self, kind: Hashable) -> float | None:
        """Seconds of a piece, as far as known."""
        return self._rate(kind, self._pace())

    def rates(self) -> dict[Hashable, float]:
        """Seconds of a piece of each kind that was timed."""
        return {kind: seconds / pieces for kind, (pieces, seconds) in self._whole.items() if pieces > 0}

    def firsts(self) -> dict[Hashable, float]:
        """Seconds of each start that has been, without its first pieces."""
        pace = self._pace()
        return {start: self._alone(start, pace) for start in self._first}

    def _rate(self, kind: Hashable, pace: float) -> float | None:
        pieces, seconds = self._recent.get(kind, (0.0, 0.0))
        if pieces > 0:
            return seconds / pieces
        return pace * self._rates[kind] if kind in self._rates else None

    def _pace(self) -> float:
        """Seconds of what was timed over those expected; 1 where nothing can be compared."""
        compared = [(self._rates[kind] * p, s) for kind, (p, s) in self._whole.items() if kind in self._rates]
        expected, seconds = sum(e for e, _ in compared), sum(s for _, s in compared)
        return seconds / expected if expected > LEAST else 1.0

    def _alone(self, start: Hashable, pace: float) -> float:
        kind, pieces, seconds = self._first[start]
        rate = self._rate(kind, pace)
        # Where the rate is not known, all of it counts as the start's: that is most of it, mostly.
        return max(seconds - pieces * rate, 0.0) if rate is not None else seconds

    def _opening(self, pace: float) -> tuple[float | None, float]:
        """The mean seconds of the starts that have been (None: none has), and how many times the expected that is."""
        taken = {start: self._alone(start, pace) for start in self._first}
        mean = sum(taken.values()) / len(taken) if taken else None
        expected = sum(self._firsts.get(start, 0.0) for start in taken)
        seconds = sum(s for start, s in taken.items() if start in self._firsts)
        return mean, seconds / expected if expected > LEAST else 1.0


def about(seconds: float | None) -> str:
    """A time as a button says it: "about 7 s", "about 40 s", "about 3 min"."""
    if seconds is None:
        return UNKNOWN
    if seconds < 100:
        grain = 1 if seconds < 10 else 5
        return f"about {max(1, grain * round(seconds / grain)):.0f} s"
    return f"about {max(2, seconds / 60):.0f} min"


def remaining(seconds: float | None) -> str:
    """The same of what is left: "about 40 s left"."""
    return UNKNOWN if seconds is None else f"{about(seconds)} left"
