// What one attempt may send, 400 kB: the frames to be judged come first, what they leave is for advice.
export const FRAME_BYTES = 25_000;
const SHARE_BYTES = 32_800; // of a frame and the advice beside it; a dozen, and the few words at the end
const FORM_BYTES = 800; // around a picture
const GLANCE_BYTES = 7_000;

export class Budget {
  constructor(frames) {
    this.frames = frames;
    this.left = frames * SHARE_BYTES;
  }

  spend(picture) {
    this.left -= picture.size + FORM_BYTES;
  }

  frame(picture) {
    this.frames -= 1;
    this.spend(picture);
  }

  // Whether a glance leaves enough for the frames to come, and for `kept` bytes of later advice.
  allowsGlance(kept) {
    return this.left - GLANCE_BYTES - kept >= this.frames * (FRAME_BYTES + FORM_BYTES);
  }
}
