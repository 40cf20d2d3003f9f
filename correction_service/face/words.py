"""Why a photo or a check-in was not good enough, as codes and as advice in two languages."""

from enum import StrEnum
from typing import NamedTuple


class Words(NamedTuple):
    """One sentence for the person in front of the camera, in Chinese and in English."""

    zh: str
    en: str


class Reason(StrEnum):
    """Why an outcome is what it is. Codes are stored and sent; words are shown."""

    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    HEIC = "heic"
    TRUNCATED = "truncated"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNREADABLE = "unreadable"
    NOT_FOUND = "not_found"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    FACE_TOO_SMALL = "face_too_small"
    FACE_CUT_OFF = "face_cut_off"
    TOO_CLOSE = "too_close"
    NO_COLOUR = "no_colour"
    BLURRED = "blurred"
    COVERED = "covered"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    TURNED_ASIDE = "turned_aside"
    LOOKING_UP_OR_DOWN = "looking_up_or_down"
    HEAD_TILTED = "head_tilted"
    FACE_CHANGED = "face_changed"
    CLOSE_TO_THRESHOLD = "close_to_threshold"
    DIFFERENT_PERSON = "different_person"
    SAME_PHOTO = "same_photo"
    TOO_FEW_PHOTOS = "too_few_photos"
    NO_FRAMES = "no_frames"
    PICTURE_OF_A_PICTURE = "picture_of_a_picture"
    LIVENESS_UNCLEAR = "liveness_unclear"
    ACTION_NOT_SEEN = "action_not_seen"
    TURN_FURTHER = "turn_further"
    NOT_TAKEN_NOW = "not_taken_now"
    TEMPLATE_OUTDATED = "template_outdated"
    TEMPLATE_UNREADABLE = "template_unreadable"
    SYSTEM_FAULT = "system_fault"

    @property
    def words(self) -> Words:
        """Advice to show beside the photo."""
        return ADVICE[self]


ADVICE = {
    Reason.NOT_AN_IMAGE: Words(
        "这不是照片文件，请选择 JPEG、PNG 或 WebP 照片。",
        "This file is not a photo: choose a JPEG, PNG or WebP photo.",
    ),
    Reason.UNSUPPORTED_FORMAT: Words(
        "不支持这种图片格式，请改用 JPEG、PNG 或 WebP。",
        "This picture format is not supported: use JPEG, PNG or WebP.",
    ),
    Reason.HEIC: Words(
        "这是 HEIC 照片。请在手机相机设置中选择“兼容性最佳”（JPEG）后重拍。",
        "This is a HEIC photo: set the camera to “most compatible” (JPEG) and take it again.",
    ),
    Reason.TRUNCATED: Words(
        "照片文件不完整，请重新拍摄或上传。", "The photo is incomplete: take or upload it again."
    ),
    Reason.TOO_MANY_PIXELS: Words(
        "照片像素过大，请使用较小的照片。", "The photo has too many pixels: use a smaller one."
    ),
    Reason.UNREADABLE: Words(
        "文件无法读取：不是照片，也不是可播放的视频。",
        "The file cannot be read: it is neither a photo nor a video that plays.",
    ),
    Reason.NOT_FOUND: Words(
        "找不到这个文件或文件夹，请检查路径。", "No such file or folder: check the path."
    ),
    Reason.NO_FACE: Words("没有看到人脸，请正对镜头。", "No face is visible: face the camera."),
    Reason.MANY_FACES: Words(
        "画面中不止一张人脸，请只留本人。",
        "More than one face is visible: only you should be in the picture.",
    ),
    Reason.FACE_TOO_SMALL: Words(
        "人脸太小，请靠近镜头。", "The face is too small: come closer to the camera."
    ),
    Reason.FACE_CUT_OFF: Words(
        "人脸没有完整入镜，请把脸放在画面中间。",
        "Part of the face is outside the picture: move to the middle.",
    ),
    Reason.TOO_CLOSE: Words(
        "脸离镜头太近，周围留出一些空间。",
        "The face fills the picture: leave some space around it.",
    ),
    Reason.NO_COLOUR: Words(
        "画面是黑白的，请使用彩色画面。", "The picture has no colour: use one in colour."
    ),
    Reason.COVERED: Words(
        "口鼻好像被遮住了，请摘下口罩；不方便摘的话，可以换一种方式签到。",
        "Mouth and nose seem to be covered: take off the mask, or check in another way.",
    ),
    Reason.BLURRED: Words(
        "画面模糊，请擦净镜头并保持手机稳定。",
        "The picture is blurred: wipe the lens and hold the phone still.",
    ),
    Reason.TOO_DARK: Words("光线太暗，请到明亮处。", "It is too dark: go to a brighter place."),
    Reason.TOO_BRIGHT: Words(
        "光线太强，请避开直射光。", "It is too bright: move out of direct light."
    ),
    Reason.TURNED_ASIDE: Words(
        "头转向了一侧，请正对镜头。", "The head is turned aside: look straight at the camera."
    ),
    Reason.LOOKING_UP_OR_DOWN: Words(
        "抬头或低头过多，请把手机举到与眼睛同高。",
        "The face looks up or down: hold the phone at eye level.",
    ),
    Reason.HEAD_TILTED: Words("头部倾斜，请摆正。", "The head is tilted: hold it upright."),
    Reason.FACE_CHANGED: Words(
        "拍摄过程中人脸不一致，请由本人重新完成拍摄。",
        "The face changed during the capture: take it again with one person only.",
    ),
    Reason.CLOSE_TO_THRESHOLD: Words(
        "无法确定，请在光线均匀处正对镜头再试一次。",
        "The comparison is not clear: try again in even light, facing the camera.",
    ),
    Reason.DIFFERENT_PERSON: Words(
        "与登记的人脸不一致。", "The face does not agree with the one enrolled."
    ),
    Reason.SAME_PHOTO: Words(
        "这张照片与另一张完全相同，请另拍一张。", "This photo was given twice: take another one."
    ),
    Reason.TOO_FEW_PHOTOS: Words(
        "合格照片不足三张，请补拍。", "Fewer than three photos are good enough: take more."
    ),
    Reason.NO_FRAMES: Words(
        "没有收到画面，请重新拍摄。", "No picture was received: take it again."
    ),
    Reason.PICTURE_OF_A_PICTURE: Words(
        "画面像是翻拍的照片或屏幕。", "It looks like a photo or a screen held before the camera."
    ),
    Reason.LIVENESS_UNCLEAR: Words(
        "无法判断是否为真人，请在光线均匀处重新拍摄。",
        "It cannot be told whether this is a living face: take it again in even light.",
    ),
    Reason.ACTION_NOT_SEEN: Words(
        "没有看清要求的动作，请按提示慢一点、完整地再做一次。",
        "Not everything that was asked was seen: follow the prompts slowly and fully.",
    ),
    Reason.TURN_FURTHER: Words(
        "转头幅度不够，请再多转一些。", "Turn your head further to the side when asked."
    ),
    Reason.NOT_TAKEN_NOW: Words(
        "画面不像是刚刚连续拍摄的，请重新拍摄。",
        "The pictures were not taken one after another just now: take them again.",
    ),
    Reason.TEMPLATE_OUTDATED: Words(
        "人脸模板由旧模型生成，需由工作人员重新登记；不影响本人。",
        "The template was made by an earlier model: an officer must enrol the face again.",
    ),
    Reason.TEMPLATE_UNREADABLE: Words(
        "系统打不开您登记的人脸：请换一种方式签到，工作人员将重新为您登记。",
        "Your enrolled face cannot be opened: check in another way; an officer enrols you anew.",
    ),
    Reason.SYSTEM_FAULT: Words(
        "系统故障，与本人无关，请稍后再试或联系工作人员。",
        "The system failed, not you: try again later or call the officer.",
    ),
}
