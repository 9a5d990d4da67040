"""Is a file a video? By what FFmpeg finds in it; by its name only where FFmpeg finds nothing that it knows.

FFmpeg opens more than videos: it draws text as a terminal would, takes a picture for a video of one frame, and follows
playlists to other files and into the network. So only formats that hold moving pictures are read at all.
"""

from pathlib import Path, PurePath
from typing import Any

import av
from av.container import InputContainer
from av.format import ContainerFormat
from av.video.stream import VideoStream

from rcn_bench.data.media.medium import NO_VIDEO, UnreadableVideo

# FFmpeg's names of the formats that hold moving pictures: of containers, bare streams, cameras, discs and games.
FORMATS = (
    "asf,asf_o,avi,dv,flv,live_flv,gxf,kux,matroska,webm,mov,mp4,mpeg,mpegts,mpegvideo,mxf,nsv,nut,nuv,ogg,pva,rm,ivr,"
    "swf,ty,wtv,gif,apng,jpegxl_anim,"
    "apv,av1,avs2,avs3,bitpacked,cavsvideo,dirac,dnxhd,evc,h261,h263,h264,hevc,ipu,ivf,m4v,mjpeg,mjpeg_2000,obu,"
    "rawvideo,v210,v210x,vc1,vc1test,vvc,yuv4mpegpipe,"
    "cine,dhav,hxvs,ifv,ingenient,iv8,lmlm4,luodat,lvf,lxf,mlv,mpjpeg,msnwctcp,mtv,mxg,nc,pmp,r3d,ser,smjpeg,vivo,"
    "4xm,anm,argo_brp,avs,bethsoftvid,bfi,bink,bmv,c93,cdg,cdxl,dfa,dsicin,dxa,ea,film_cpk,filmstrip,flic,gdv,hnm,"
    "idcin,ipmovie,jv,mm,mods,moflex,mv,mvi,paf,pdv,psxstr,rl2,roq,rpl,sga,siff,simbiosis_imx,smk,smush,thp,"
    "tiertexseq,tmv,usm,vividas,vmd,wc3movie,wsvqa,xmv,yop"
)
PLAYLISTS = ("hls", "concat", "sdp", "dash", "imf", "webm_dash_manifest")
# A single frame in these is a picture: formats, codecs, and what an MP4 is said to hold ("crx ": of a Canon camera).
STILL_FORMATS = ("gif", "apng", "jpegxl_anim", "mjpeg")
STILL_CODECS = ("mjpeg", "png", "bmp", "tiff", "webp", "gif")
STILL_BRANDS = ("avif", "avis", "heic", "heix", "mif1", "msf1", "crx ")
NOT_SURE = "misdetection possible"
# What a file with nothing in it that FFmpeg knows may be called and still be a video, a broken one.
SUFFIXES = (
    ".3g2,.3gp,.asf,.avi,.divx,.dv,.f4v,.flv,.gif,.h264,.h265,.ivf,.m2ts,.m4v,.mjpeg,.mjpg,.mkv,.mov,.mp4,.mpeg,.mpg,"
    ".mts,.mxf,.nut,.obu,.ogv,.rm,.rmvb,.swf,.ts,.vob,.webm,.wmv,.y4m"
)


def open_video(path: str | Path, **options: str) -> InputContainer:
    """Open a file of which FFmpeg finds that it can hold moving pictures; nothing more is read of another.

    Errors: UnreadableVideo, not a video; av.FFmpegError and UnicodeDecodeError for one that is broken.
    """
    try:
        return av.open(f"file:{path}", options={"format_whitelist": FORMATS, **options})
    except av.FFmpegError as error:
        if kind := refused_kind(error):
            raise UnreadableVideo(kind, NO_VIDEO) from error
        if isinstance(error, (av.InvalidDataError, av.EOFError)) and not may_be_a_video(path):
            raise UnreadableVideo("nothing that FFmpeg knows, nor a video by its name", NO_VIDEO) from error
        raise


def refused_kind(error: av.FFmpegError) -> str:
    """What something is that is of none of the FORMATS; empty if it could not be opened for another reason."""
    said: Any = error.log or (0, "", "")  # how grave, by which part of FFmpeg, what
    return _kind(said[1]) if said[2].startswith("Format not on whitelist") else ""


def require_no_guess(path: str | Path, said: list[tuple[int, str, str]]) -> None:
    """said: FFmpeg's messages on opening the file. It takes a PDF with pictures, for one, for Motion JPEG.

    Errors: UnreadableVideo, not a video, where FFmpeg is not sure of the format and the name is no video's.
    """
    if not may_be_a_video(path) and any(NOT_SURE in text for _, _, text in said):
        raise UnreadableVideo("nothing that FFmpeg is sure of, nor a video by its name", NO_VIDEO)


def may_be_a_video(path: str | Path) -> bool:
    """By its name."""
    return PurePath(path).suffix.lower() in ("", *SUFFIXES.split(","))


def _kind(name: str) -> str:
    """What a format is that FFmpeg calls so."""
    if name in PLAYLISTS:
        return f"{name}, a list of other files or addresses, which are not opened"
    if name.endswith("_pipe"):
        return f"a picture, {name.removesuffix('_pipe')}"
    return f"{name}, {ContainerFormat(name, 'r').long_name}"


def without_video(container: InputContainer) -> UnreadableVideo:
    """Why a file has no stream to be shown."""
    if container.streams.video:
        return UnreadableVideo("nothing moves but the sound: its pictures are covers", NO_VIDEO)
    return UnreadableVideo("", "no video stream")


def holds_stills(container: InputContainer, video: VideoStream) -> bool:
    """Whether a single frame in it is a picture, as the cover of a song, not a video that is very short."""
    brand = container.metadata.get("major_brand", "")
    codec = video.codec_context.name if video.codec_context else ""
    return container.format.name in STILL_FORMATS or brand in STILL_BRANDS or codec in STILL_CODECS
