// What the reviewer has done: labels that are on their way to the server, undo and redo.
// Nothing here touches the document.

const RETRY_MS = 2000;

export async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  const said = await answer.json().catch(() => ({ error: "the answer cannot be read" }));
  if (!answer.ok) {
    throw Object.assign(new Error(said.error), { refused: answer.status < 500 });
  }
  return said;
}

// Sends changes page by page, in the order they were made. What is changed while a
// request is under way goes with the next one; what fails for want of a server is
// sent again until it succeeds.
export class Saver {
  constructor({ onState, onSaved, onRefused }) {
    this.on = { onState, onSaved, onRefused };
    this.waiting = []; // {key, changes: Map(line -> change)}
    this.busy = false;
  }

  get pending() {
    return this.busy || this.waiting.length > 0;
  }

  // The label each line of a page will have once all is saved, where that is known here.
  expected(key) {
    const labels = new Map();
    for (const batch of this.sending ? [this.sending, ...this.waiting] : this.waiting) {
      if (batch.key !== key) continue;
      for (const [line, change] of batch.changes) labels.set(line, change.label);
    }
    return labels;
  }

  add(key, changes) {
    let last = this.waiting.at(-1);
    if (!last || last.key !== key || last.firm !== changes[0].firm) {
      last = { key, firm: changes[0].firm, changes: new Map() };
      this.waiting.push(last);
    }
    for (const change of changes) {
      const before = last.changes.get(change.line);
      last.changes.set(change.line, { ...change, was: before ? before.was : change.was });
    }
    this.send();
  }

  async send() {
    if (this.busy || !this.waiting.length) return;
    this.busy = true;
    const batch = (this.sending = this.waiting.shift());
    this.on.onState("saving");
    try {
      const page = await ask(`/api/pages/${batch.key}`, { changes: [...batch.changes.values()] });
      this.sending = null;
      this.busy = false;
      this.on.onSaved(page);
    } catch (error) {
      this.sending = null;
      this.busy = false;
      if (error.refused) {
        this.on.onRefused(batch.key, error.message);
      } else {
        this.waiting.unshift(batch);
        this.on.onState("failed", error.message);
        setTimeout(() => this.send(), RETRY_MS);
        return;
      }
    }
    if (this.waiting.length) this.send();
    else this.on.onState("saved");
  }
}

// Undo and redo over all pages. A step is {key, changes: [{line, before, after}]}.
export class History {
  constructor() {
    this.done = [];
    this.undone = [];
  }

  add(step) {
    this.done.push(step);
    this.undone = [];
  }

  undo() {
    const step = this.done.pop();
    if (step) this.undone.push(step);
    return step && { key: step.key, changes: step.changes.map(turned) };
  }

  redo() {
    const step = this.undone.pop();
    if (step) this.done.push(step);
    return step;
  }
}

function turned({ line, before, after }) {
  return { line, before: after, after: before };
}
