// Drives a headless Chromium through its debugging pipe: with Node alone, without packages. What a page is
// asked to do is done with real input, as a user's hand would.
//
//     const browser = await launch();
//     const page = await browser.open("file:///tmp/report.html");
//     await page.waitFor(() => document.documentElement.dataset.ready);
//     await page.click("#locks th:nth-child(4) button");
//     await page.screenshot("locks.png");
//     assert.deepEqual(page.errors, []);
//     await browser.close();
//
// The protocol is https://chromedevtools.github.io/devtools-protocol/, as JSON between NUL bytes on the
// descriptors 3 and 4.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Seconds in which the browser has to answer. */
const patience = 60;
const names = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * Starts a browser. It reaches no host but 127.0.0.1.
 *
 * @param {{executable?: string, width?: number, height?: number}} options
 */
export async function launch({ executable, width = 1280, height = 900 } = {}) {
  const program = executable ?? process.env.CHROMIUM ?? names.find(existsSync);
  if (!program) throw new Error("there is no chromium: apt-get install chromium");
  const profile = await mkdtemp(join(tmpdir(), "ctrace-browser-"));
  const child = spawn(program, [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", `--user-data-dir=${profile}`,
    `--window-size=${width},${height}`, "--remote-debugging-pipe", "about:blank",
  ], { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
  return new Browser(child, profile, { width, height });
}

class Browser {
  #child;
  #profile;
  #size;
  #next = 1;
  #waiting = new Map();
  #pages = new Map();
  #words = "";

  constructor(child, profile, size) {
    this.#child = child;
    this.#profile = profile;
    this.#size = size;
    child.stderr.on("data", (data) => { this.#words = (this.#words + data).slice(-2000); });
    let rest = Buffer.alloc(0);
    child.stdio[4].on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) {
        this.#receive(JSON.parse(rest.subarray(0, end).toString()));
      }
    });
    child.stdio[3].on("error", () => {});
    child.on("exit", () => {
      for (const { reject, clock } of this.#waiting.values()) {
        clearTimeout(clock);
        reject(new Error(`chromium ended: ${this.#words}`));
      }
      this.#waiting.clear();
    });
  }

  /** Sends a command and waits for its answer. */
  send(method, params = {}, sessionId) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      const clock = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`no answer in ${patience} s: ${method} ${JSON.stringify(params).slice(0, 300)}`));
      }, patience * 1000);
      this.#waiting.set(id, { resolve, reject, method, clock });
      this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  #receive(message) {
    const waiting = this.#waiting.get(message.id);
    if (waiting) {
      this.#waiting.delete(message.id);
      clearTimeout(waiting.clock);
      if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
      else waiting.resolve(message.result);
    } else if (message.method) {
      this.#pages.get(message.sessionId)?.receive(message.method, message.params);
    }
  }

  /** Opens a page and waits until it is loaded. */
  async open(url) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, sessionId),
      () => this.send("Target.closeTarget", { targetId }));
    this.#pages.set(sessionId, page);
    await page.start(url, this.#size);
    return page;
  }

  /** Ends the browser and removes what it wrote. */
  async close() {
    const ended = this.#child.exitCode !== null || new Promise((resolve) => this.#child.once("exit", resolve));
    await this.send("Browser.close").catch(() => this.#child.kill());
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  /** What went wrong: errors on the console, exceptions, requests that failed. */
  errors = [];
  /** The addresses of everything that it asked for. */
  requests = [];
  /** Closes it. */
  close;
  #send;
  #loaded;

  constructor(send, close) {
    this.#send = send;
    this.close = close;
  }

  /** An event of the protocol. */
  receive(method, params) {
    switch (method) {
      case "Page.loadEventFired": this.#loaded?.(); break;
      case "Runtime.exceptionThrown":
        this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        break;
      case "Runtime.consoleAPICalled":
        if (params.type === "error" || params.type === "assert") {
          this.errors.push(params.args.map((arg) => arg.value ?? arg.description).join(" "));
        }
        break;
      case "Log.entryAdded":
        if (params.entry.level === "error") this.errors.push(`${params.entry.text} ${params.entry.url ?? ""}`);
        break;
      case "Network.requestWillBeSent": this.requests.push(params.request.url); break;
      default: break;
    }
  }

  async start(url, { width, height }) {
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.#send(`${domain}.enable`);
    await this.resize(width, height);
    await this.go(url);
  }

  /** Goes to an address and waits until it is loaded. */
  async go(url) {
    const loaded = new Promise((resolve, reject) => {
      const clock = setTimeout(() => reject(new Error(`not loaded in ${patience} s: ${url}`)), patience * 1000);
      this.#loaded = () => { clearTimeout(clock); resolve(); };
    });
    const { errorText } = await this.#send("Page.navigate", { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** The value of a function that runs in the page, called with these arguments. */
  async evaluate(body, ...args) {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", {
      expression: `(${body})(...${JSON.stringify(args)})`, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until a function that runs in the page returns something true, and returns that. */
  async waitFor(body, { args = [], seconds = 60, what = String(body) } = {}) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const value = await this.evaluate(body, ...args);
      if (value) return value;
      if (Date.now() > end) throw new Error(`did not come in ${seconds} s: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Where the middle of an element is, after it was brought into view. */
  async middle(selector) {
    const place = await this.evaluate((selector) => {
      const element = document.querySelector(selector);
      if (!element) return null;
      element.scrollIntoView({ block: "center", behavior: "instant" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2, left, top, width, height };
    }, selector);
    if (!place) throw new Error(`there is no ${selector}`);
    return place;
  }

  /** Clicks on the middle of an element. */
  async click(selector) {
    const { x, y } = await this.middle(selector);
    await this.#mouse("mouseMoved", x, y);
    await this.#mouse("mousePressed", x, y, { button: "left", buttons: 1, clickCount: 1 });
    await this.#mouse("mouseReleased", x, y, { button: "left", clickCount: 1 });
  }

  /** Moves the pointer. */
  async hover(x, y) { await this.#mouse("mouseMoved", x, y); }

  /** Drags with the left button. */
  async drag(from, to, { shift = false } = {}) {
    const modifiers = shift ? 8 : 0;
    await this.#mouse("mouseMoved", from.x, from.y, { modifiers });
    await this.#mouse("mousePressed", from.x, from.y, { modifiers, button: "left", buttons: 1, clickCount: 1 });
    for (const part of [0.3, 0.6, 1]) {
      await this.#mouse("mouseMoved", from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part,
        { modifiers, button: "left", buttons: 1 });
    }
    await this.#mouse("mouseReleased", to.x, to.y, { modifiers, button: "left", clickCount: 1 });
  }

  /** Turns the wheel. */
  async wheel(x, y, deltaY, { control = false } = {}) {
    await this.#mouse("mouseWheel", x, y, { deltaX: 0, deltaY, modifiers: control ? 2 : 0 });
  }

  async #mouse(type, x, y, more = {}) {
    await this.#send("Input.dispatchMouseEvent", { type, x, y, ...more });
  }

  /** Presses a key: a letter, or a name such as `ArrowLeft`, `Enter`, `Escape`, `Tab`. */
  async press(key) {
    const codes = { Enter: 13, Escape: 27, Tab: 9, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 };
    const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
    const shared = { key, windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0) };
    await this.#send("Input.dispatchKeyEvent", { type: "keyDown", text, ...shared });
    await this.#send("Input.dispatchKeyEvent", { type: "keyUp", ...shared });
  }

  /** Gives the keyboard to an element. */
  async focus(selector) {
    await this.evaluate((selector) => document.querySelector(selector).focus(), selector);
  }

  /** The colours that the user prefers: `light` or `dark`. */
  async prefer(scheme) {
    await this.#send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  /** The size of the window, in pixels. */
  async resize(width, height) {
    await this.#send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** Puts it before other pages: one that is behind draws nothing. */
  async show() { await this.#send("Page.bringToFront"); }

  /** Writes what is seen, a part of that, or all of the page, as a PNG. */
  async screenshot(path, { whole = false, part } = {}) {
    await this.show();
    let clip = part && { ...part, scale: 1 };
    if (whole) {
      const { cssContentSize } = await this.#send("Page.getLayoutMetrics");
      clip = { ...cssContentSize, height: Math.min(cssContentSize.height, 12000), scale: 1 };
    }
    const { data } = await this.#send("Page.captureScreenshot", { format: "png", clip, captureBeyondViewport: whole });
    await writeFile(path, Buffer.from(data, "base64"));
  }

  /** Writes the page as it would be printed, as a PDF. */
  async print(path) {
    const { data } = await this.#send("Page.printToPDF", { printBackground: true });
    await writeFile(path, Buffer.from(data, "base64"));
  }
}
