"""What hypothesis makes CloudEvents of."""

from hypothesis import strategies as st

from nilometer_logger.cloudevents import CloudEvent

TEXT = st.text(min_size=1)
# What no binding encodes and no header may not hold: visible ASCII without the quote and the percent sign.
PLAIN = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"%'), min_size=1)
MEDIA_TYPE = st.sampled_from(["application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded"])
# Attributes with a meaning of their own are given by `events`; the SDK keeps `data` and `extensions` for itself.
_OWN = {"specversion", "id", "source", "type", "time", "datacontenttype", "data", "extensions"}
NAME = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(lambda name: name not in _OWN)


def events(value: st.SearchStrategy[str] = TEXT) -> st.SearchStrategy[CloudEvent]:
    """Makes valid events.

    Args:
        value: of attributes.
    """
    required = {"specversion": st.just("1.0"), "id": value, "source": value, "type": value}
    optional = {"time": st.just("2026-11-23T08:52:21.121906583Z"), "datacontenttype": MEDIA_TYPE}
    attributes = st.builds(
        lambda standard, extensions: {**standard, **extensions},
        st.fixed_dictionaries(required, optional=optional),
        st.dictionaries(NAME, value, max_size=5),
    )
    return st.builds(CloudEvent, attributes, st.binary(max_size=200))
