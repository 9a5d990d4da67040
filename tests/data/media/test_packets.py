"""The packets of a file to its end."""

from rcn_bench.data.media.packets import demuxed


class Container:
    """Of a file in which a third stream comes up that was not there when it was opened."""

    def demux(self, *streams):
        yield from ("a packet", "an empty packet")
        raise IndexError("list index out of range")


def test_a_stream_that_comes_up_in_the_middle_of_a_file_ends_nothing():
    assert list(demuxed(Container())) == ["a packet", "an empty packet"]
