"""The official experiments by name."""

from __future__ import annotations

from dataclasses import dataclass

from ..exceptions import DatasetError


@dataclass(frozen=True)
class Protocol:
    """A named pairing of splits; see `Dataset.split` for the expressions.

    Parameters
    ----------
    name, train, test : str
        Its name and the split expressions it trains and tests on.
    val : str or None
        Validation split, or None where the authors name none: then a part of the training days
        is held out instead.

    Examples
    --------
    >>> PROTOCOLS["cnr-ext"].train, PROTOCOLS["cnr-ext"].val
    ('train', 'val')
    """

    name: str
    train: str
    val: str | None
    test: str


def _all() -> dict[str, Protocol]:
    cameras = [f"camera{number}" for number in range(1, 10)]
    weathers = ["sunny", "overcast", "rainy"]
    # Sources: the experiment list of the dataset's authors, https://github.com/fabiocarrara/deep-parking
    protocols = [
        Protocol("cnr-ext", "train", "val", "test"),
        Protocol("train-half", "train-half", "val", "test"),
        Protocol("cnrpark", "cnrpark", None, "test"),
        Protocol("cnrpark+cnr-ext", "cnrpark+train", "val", "test"),
        Protocol(
            "cnrpark+cnr-ext-c1-c8",
            "cnrpark+train&camera1+train&camera8",
            "val&camera1+val&camera8",
            "test",
        ),
        Protocol("cnrpark-odd-even", "cnrpark-odd", None, "cnrpark-even"),
        Protocol("cnrpark-even-odd", "cnrpark-even", None, "cnrpark-odd"),
    ]
    for names, chosen in ((weathers, weathers), (cameras, ["camera1", "camera8"])):
        for name in chosen:
            others = "+".join(other for other in names if other != name)
            protocols.append(Protocol(name, name, None, others))
    return {protocol.name: protocol for protocol in protocols}


PROTOCOLS: dict[str, Protocol] = _all()


def get_protocol(name: str) -> Protocol:
    """The protocol of that name.

    Parameters
    ----------
    name : str
        A key of ``PROTOCOLS``.

    Raises
    ------
    DatasetError
        No such protocol; the message lists the ones there are.

    Examples
    --------
    >>> get_protocol("sunny").test
    'overcast+rainy'
    """
    if name not in PROTOCOLS:
        raise DatasetError(f"no protocol {name!r}; there are: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
