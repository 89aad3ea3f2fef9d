import pytest

from linesift.scoring.isolation import quiet
from linesift.scoring.peers import PEERS

SENTENCES = [
    "The council will open the old bridge to walkers on Saturday morning, it said.",
    "Cars must wait until the second half of the month, when the road is mended.",
    "The bridge was closed for almost two years because the piers were washed out.",
    "School children will be the first to cross it, and then the oldest of the town.",
]
HTML = (
    "<!doctype html><html lang=en><head><title>Old bridge opens</title></head><body>"
    "<ul class=menu><li><a href=/>Home</a><li><a href=/news>News</a></ul>"
    "<article><h1>Old bridge opens</h1>"
    + 4 * f"<p>{' '.join(SENTENCES)}</p>"
    + "</article></body></html>"
)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("language", ["en", "zh", "", "xx"])
def test_a_peer_that_is_installed_returns_the_article_of_a_plain_page(name, language):
    peer = PEERS[name]
    if not peer.version:
        pytest.skip(f"{name} is not installed")
    if name == "newspaper4k" and language == "zh":
        pytest.importorskip("jieba", reason="newspaper4k splits Chinese words with jieba")
    with quiet():
        text = peer.extract(HTML.encode(), language)
    # By English text as Chinese or as unknown a peer may judge as it likes.
    if language == "en":
        assert all(one in text for one in SENTENCES)
    assert isinstance(text, str)


def test_what_is_not_installed_has_no_version():
    assert PEERS["resiliparse"].version
    assert {peer.name: peer for peer in PEERS.values()} == PEERS
