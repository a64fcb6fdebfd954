"""Valid ids and addresses for hypothesis, and MQTT's matching rule."""

from __future__ import annotations

from hypothesis import strategies as st

from mqtt_schemas.topics import RESERVED_SITE, Address
from orchestrator.broker.access import Hashes

#: Of the secret `secret`; the shape is what matters.
HASHES = Hashes(
    bcrypt="$2a$04$abcdefghijklmnopqrstuuKjqBRZJ1FhLy1v8HrmOSmjVcM0CIkGu",
    pbkdf2="$7$101$AAAAAAAAAAAAAAAA$" + "A" * 86 + "==",
)

ids = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
sites = ids.filter(lambda text: text != RESERVED_SITE)


def addresses(*, min_size: int) -> st.SearchStrategy[list[Address]]:
    """Return a strategy of distinct addresses, of which some share site or device id."""
    few_sites = st.lists(sites, min_size=1, max_size=3)
    few_ids = st.lists(ids, min_size=2, max_size=4, unique=True)
    return st.tuples(few_sites, few_ids).flatmap(
        lambda pools: st.lists(
            st.builds(Address, st.sampled_from(pools[0]), st.sampled_from(pools[1])),
            min_size=min_size,
            max_size=8,
            unique=True,
        )
    )


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether an MQTT filter matches a topic (MQTT 3.1.1, section 4.7)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(levels) or level not in {"+", levels[position]}:
            return False
    return len(wanted) == len(levels)
