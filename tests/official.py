"""The lists of the field's data sets as they are published, byte for byte, a few lines of each."""

from pathlib import Path

UCF101 = {
    "classInd.txt": b"1 ApplyEyeMakeup\r\n2 HandstandPushups\r\n3 JumpingJack\r\n4 JumpRope\r\n",
    "trainlist01.txt": (
        b"ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\n"
        b"ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c02.avi 1\r\n"
        b"HandstandPushups/v_HandStandPushups_g08_c01.avi 2\r\n"
        b"JumpRope/v_JumpRope_g08_c01.avi 4\r\n"
    ),
    "testlist01.txt": (
        b"ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\r\nHandstandPushups/v_HandStandPushups_g01_c01.avi\r\n"
    ),
}
HMDB51 = {
    "brush_hair_test_split1.txt": (
        b"April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 \n"
        b"April_09_brush_hair_u_nm_np1_ba_goo_1.avi 1 \n"
        b"atheistinrowboat_brush_hair_u_nm_np1_fr_med_0.avi 0 \n"
        b"Blonde_being_brushed_brush_hair_f_nm_np2_ri_med_0.avi 2 \n"
    ),
    "clap_test_split1.txt": (
        b"#20_Rhythm_clap_u_nm_np1_fr_goo_0.avi 1 \n(HQ)_Rock_&_Roll!_[1];_clap_u_nm_np1_fr_med_1.avi 2 \n"
    ),
    "clap_test_split2.txt": b"#20_Rhythm_clap_u_nm_np1_fr_goo_0.avi 2 \n",
}
SOMETHING_V1 = {
    "something-something-v1-labels.csv": (
        b"Holding something\nTurning something upside down\nBurying something in something\n"
    ),
    "something-something-v1-train.csv": b"100218;Turning something upside down\n24413;Holding something\n",
    "something-something-v1-validation.csv": b"74225;Holding something\n",
    "something-something-v1-test.csv": b"1420\n1742\n",
}
SOMETHING_V2 = {
    "labels.json": (
        b'{"Approaching something with your camera":"0", "Holding something next to something":"1", '
        b'"Putting number of something onto something":"2"}'
    ),
    "train.json": (
        b'[\n{"id":"78687","label":"holding potato next to vicks vaporub bottle",'
        b'"template":"Holding [something] next to [something]","placeholders":["potato","vicks vaporub bottle"]},\n'
        b'{"id":"42326","label":"putting 2 coins onto box",'
        b'"template":"Putting [number of] [something] onto [something]","placeholders":["2","coins","box"]}\n]'
    ),
    "validation.json": (
        b'[{"id":"74225","label":"holding a cup next to a pen",'
        b'"template":"Holding [something] next to [something]","placeholders":["a cup","a pen"]}]'
    ),
    "test.json": b'[{"id":"1420"},{"id":"3344"}]',
}
JESTER = {
    "jester-v1-labels.csv": b"Swiping Left\nDrumming Fingers\nNo gesture\n",
    "jester-v1-train.csv": b"34870;Drumming Fingers\n56557;Swiping Left\n",
    "jester-v1-validation.csv": b"9223;No gesture\n",
    "jester-v1-test.csv": b"70206\n61851\n",
}
DIVING48 = {
    "Diving48_V2_train.json": (
        b'[{"vid_name": "_8Vy3dlHg2w_00000", "label": 26, "start_frame": 0, "end_frame": 155}, '
        b'{"vid_name": "_8Vy3dlHg2w_00001", "label": 9, "start_frame": 0, "end_frame": 127}]'
    ),
}
KINETICS = {
    "k400.csv": (
        b"label,youtube_id,time_start,time_end,split\n"
        b'testifying,---QUuC4vJs,84,94,val\n"clay pottery making",--0l35AkU68,98,108,val\n'
    ),
    "k600.csv": b"label,youtube_id,time_start,time_end,split,is_cc\r\ntestifying,---QUuC4vJs,84,94,validate,0\r\n",
    "k700.csv": (
        b'"label","youtube_id","time_start","time_end","split"\n"testifying","---QUuC4vJs","84","94","validate"\n'
    ),
    "test.csv": b"youtube_id,time_start,time_end,split\n---QUuC4vJs,84,94,test\n",
    "validate.json": (
        b'{"---QUuC4vJs": {"annotations": {"label": "testifying", "segment": [84.0, 94.0]}, "duration": 10.0, '
        b'"subset": "validate", "url": "https://www.youtube.com/watch?v=---QUuC4vJs"}}'
    ),
}
MMACTION2 = {
    "ucf101_val_split_1_rawframes.txt": (
        b"ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01 164 0\nYoYo/v_YoYo_g07_c04 154 100\n"
    ),
    "kinetics_val_videos.txt": b"abseiling/0wR5jVB-WPk_000417_000427.mp4 0\nzumba/zsBAH_cLTvE 1.mp4 399\n",
}
SLOWFAST = {
    "val.csv": b"val/a b,c.mp4 10\nval/d.mp4 2\n",
    "commas.csv": b"val/a b.mp4,10\r\nval/d.mp4,2\r\n",
}


def write_lists(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
