#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8): video by HTTP that ends as it should is an error, and one that is cut off is none.
#
# Guess: a response without a length that ends with its connection, as HTTP allows, is read to its end and that is all;
# a chunked one whose connection closes before the last chunk, of 0 bytes, raises an error, since it is not whole.
# Seen: the other way round. The first raises OSError(5) ("Stream ends prematurely"), before the decoder has given its
# last frames; the second ends without an error, half of its frames missing.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet av==18.1.0 numpy==2.4.6

cat > ends.py <<'P'
import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import av
import numpy as np

FRAMES, PARTS = 50, 10


def video():
    sink = io.BytesIO()
    with av.open(sink, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(FRAMES):
            picture = np.full((64, 64, 3), 4 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return sink.getvalue()


VIDEO = video()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.close_connection = True
        if self.path == "/whole":
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(VIDEO)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        size = len(VIDEO) // PARTS
        for part in range(PARTS // 2):
            self.wfile.write(b"%x\r\n%s\r\n" % (size, VIDEO[part * size : (part + 1) * size]))
        # and not the last chunk, of 0 bytes, which says that it is whole

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
for path in ("whole", "cut"):
    seen, end = 0, "ends"
    try:
        with av.open(f"http://127.0.0.1:{server.server_port}/{path}", timeout=10) as container:
            for _ in container.decode(video=0):
                seen += 1
    except OSError as error:
        end = f"errno {error.errno}"
    print(path, "all" if seen == FRAMES else "fewer" if seen < FRAMES else seen, end)
P
said=$(venv/bin/python ends.py 2>/dev/null | paste -sd';')
[ "$said" = "whole fewer errno 5;cut fewer ends" ] || { echo "changed: $said"; exit 1; }
echo "PyAV 18.1.0: a whole response that ends with its connection raises OSError(5); a chunked one cut off ends quietly"
