"""What is about to be trained, and how long that takes, said before it begins."""

import datetime


def announcement(runs, missing, now=None):
    """Returns what there is to do, as sentences.

    Args:
        runs: Sequence of `Run`: those of the rows and seeds that were asked for, each once.
        missing: Those of them that will be trained.
        now: A `datetime.datetime`; `None` for the time.
    """
    own = sum(run.result.is_file() for run in runs)
    taken = sum(run.is_taken for run in runs)
    counts = {"finished here": own, "taken from committed results": taken}
    said = [f"{count} {what}" for what, count in counts.items() if count]
    said.append(f"{len(missing)} to be trained" if missing else "none to be trained")
    text = f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}: {', '.join(said)}."
    if not missing:
        return text
    minutes = [run.config.train.minutes for run in missing]
    if None in minutes:
        return f"{text} Each takes the epochs of its config: how long is not known."
    total = sum(minutes)
    each = f"{len(minutes)} x {minutes[0]:g} = " if len(set(minutes)) == 1 else ""
    end = (now or datetime.datetime.now()) + datetime.timedelta(minutes=total)
    return (
        f"{text} Training takes {each}{total:g} minutes, not before {end:%H:%M} on {end:%d %B}; "
        "checks before it and measuring after it come on top."
    )
