// Send a capture until the server has answered or its challenge has ended.
const RETRY_MS = 3000;
const HEADERS = () => ({
  Accept: "application/json",
  "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
});

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.title);
    this.status = status;
    this.code = (problem.type ?? "").split(":").pop();
    this.field = problem.field;
  }
}

async function post(url, body) {
  const answer = await fetch(url, { method: "POST", headers: HEADERS(), body });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, data);
  return data;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export const challenge = (url) => post(url);

// The same burst with the same challenge finds the same receipt, so sending twice is safe.
export async function capture(url, form, endsAt, waiting) {
  for (;;) {
    try {
      return await post(url, form);
    } catch (error) {
      if (error instanceof Refused && error.status === 422 && ["lat", "lon", "accuracy_m"].includes(error.field)) {
        for (const name of ["lat", "lon", "accuracy_m"]) form.delete(name);
        continue;
      }
      const passing = !(error instanceof Refused) || error.status === 503;
      if (!passing) throw error;
      if (Date.now() > endsAt) throw new Refused(409, { type: "challenge_expired" });
      waiting(error instanceof Refused ? "busy" : "offline", Math.ceil((endsAt - Date.now()) / 1000));
      await pause(RETRY_MS);
    }
  }
}
