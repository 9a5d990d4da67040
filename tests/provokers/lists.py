"""Lists that cannot be read, or whose rows cannot be."""

import os
from pathlib import Path

from provokers.user import Met, User, provoker

HEADER = "path,label\n"


@provoker
def no_such_list(user: User) -> Met:
    return user.runs("data", "check", "--annotations", "none.csv", "--root", ".").naming("none.csv")


@provoker
def no_such_folder_of_videos(user: User) -> Met:
    path = user.file("train.csv", f"{HEADER}a.mp4,up\n")
    return user.runs("data", "check", "--annotations", path, "--root", "none").naming("none")


@provoker
def unknown_format(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,up\n", "train.csv", "--format", "ucf").naming("ucf")


@provoker
def list_of_another_format(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,up\n", "train.csv", "--format", "kinetics").naming("train.csv", "kinetics")


@provoker
def list_of_no_format(user: User) -> Met:
    return user.lists("file,class\na.mp4,up\n").naming("train.csv", "file, class")


@provoker
def empty_list(user: User) -> Met:
    return user.lists(HEADER).naming("train.csv")


@provoker
def list_in_another_encoding(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,Z\u00fcrich\n".encode("latin-1"), "train.csv", "--format", "paths").naming(
        "train.csv"
    )


@provoker
def lone_quote(user: User) -> Met:
    return user.lists(f'{HEADER}"a.mp4,up\n').naming("train.csv, line 2")


@provoker
def column_missing(user: User) -> Met:
    return user.lists("path,class\na.mp4,up\n").naming("train.csv", "label")


@provoker
def column_twice(user: User) -> Met:
    return user.lists("path,label,label\na.mp4,up,up\n").naming("train.csv", "label")


@provoker
def more_fields_than_columns(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,up,left\n").naming("train.csv, line 2")


@provoker
def header_again(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,up\n{HEADER}").naming("train.csv, line 3")


@provoker
def value_missing(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,\n").naming("train.csv, line 2", "label")


@provoker
def video_listed_twice(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,up\na.mp4,up\n").naming("train.csv, line 3", "a.mp4")


@provoker
def label_spelled_in_two_ways(user: User) -> Met:
    return user.lists(f"{HEADER}a.mp4,Jump up\nb.mp4,jump_up\n").naming("line 3", "jump_up", "Jump up", "line 2")


@provoker
def path_out_of_the_folder(user: User) -> Met:
    return user.lists(f"{HEADER}../a.mp4,up\n").naming("train.csv, line 2", "../a.mp4")


@provoker
def span_that_runs_back(user: User) -> Met:
    return user.lists("path,label,start,end\na.mp4,up,5,2\n").naming("train.csv, line 2", "end")


@provoker
def span_in_two_units(user: User) -> Met:
    return user.lists("path,label,start,end_frame\na.mp4,up,5,20\n").naming("train.csv, line 2")


@provoker
def span_of_no_number(user: User) -> Met:
    return user.lists("path,label,start\na.mp4,up,soon\n").naming("train.csv, line 2", "start", "soon")


@provoker
def whole_seconds(user: User) -> Met:
    rows = "label,youtube_id,time_start,time_end,split\nup,abc,zero,10,train\n"
    return user.lists(rows).naming("train.csv, line 2", "time_start")


@provoker
def no_json(user: User) -> Met:
    user.file("labels.json", '{"up": "0"}')
    return user.lists('[{"id": "1", "template": "up"', "train.json").naming("train.json")


@provoker
def json_without_a_key(user: User) -> Met:
    user.file("labels.json", '{"up": "0"}')
    content = '[{"id": "1", "template": "up"}, {"id": "2"}]'
    return user.lists(content, "train.json").naming("train.json, entry 2", "template")


@provoker
def file_of_classes_missing(user: User) -> Met:
    return user.lists("Jump/v_Jump_g01_c01.avi 1\n", "trainlist01.txt").naming("classInd.txt")


@provoker
def label_that_is_no_class(user: User) -> Met:
    user.file("classInd.txt", "1 Run\n")
    return user.lists("Jump/v_Jump_g01_c01.avi 1\n", "trainlist01.txt").naming("trainlist01.txt", "Jump")


@provoker
def line_of_another_form(user: User) -> Met:
    user.file("classInd.txt", "1 Jump\n")
    content = "Jump/v_Jump_g01_c01.avi 1\nJump.avi\n"
    return user.lists(content, "trainlist01.txt").naming("trainlist01.txt, line 2", "Jump.avi")


@provoker
def class_beyond_the_names(user: User) -> Met:
    user.file("label_map.txt", "up\ndown\n")
    return user.lists("a.mp4 0\nb.mp4 2\n", "train.txt").naming("train.txt, line 2", "2")


@provoker
def files_in_no_class_folder(user: User) -> Met:
    user.file("videos/a.mp4")
    return user.runs("data", "check", "--annotations", "videos", "--root", "videos").naming("videos", "a.mp4")


@provoker
def folder_in_two_classes(user: User) -> Met:
    user.file("videos/up/a.mp4")
    os.symlink("up", "videos/down")
    return user.runs("data", "check", "--annotations", "videos", "--root", "videos").naming("up", "down")


@provoker
def class_folders_elsewhere(user: User) -> Met:
    user.file("elsewhere/up/a.mp4")
    Path("videos").mkdir()
    return user.runs("data", "check", "--annotations", "elsewhere", "--root", "videos").naming("elsewhere", "videos")


@provoker
def no_file_to_predict(user: User) -> Met:
    user.has_finished()
    return user.predicts("none").naming("none")


@provoker
def empty_folder_to_predict(user: User) -> Met:
    user.has_finished()
    Path("empty").mkdir()
    return user.predicts("empty").naming("empty")


@provoker
def blank_class(user: User) -> Met:
    user.file("labels.csv", "up\n\ndown\n")
    return user.lists("1;up\n", "jester.csv").naming("labels.csv, line 2")


@provoker
def test_list_without_labels(user: User) -> Met:
    user.file("labels.csv", "up\ndown\n")
    return user.lists("1;up\n2\n", "jester.csv").naming("jester.csv, line 2", "2")


@provoker
def json_without_objects(user: User) -> Met:
    user.file("labels.json", '{"up": "0"}')
    return user.lists('[{"id": "1", "template": "up"}, 5]', "train.json").naming("train.json, entry 2", 5)
