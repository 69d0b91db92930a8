// Why the server did not do something: its sentences in the reader's language, where they are known.

import { foreign, withoutArns } from "./dom.js";

const TIME = "(\\S+)";
const JA = [
  ["has gone on already", () => "すでに先へ進んでいます"],
  ["was restarted already", () => "すでに最初から再実行されています"],
  ["has finished already", () => "すでに完了しています"],
  ["is running: it does not wait for anybody", () => "実行中で、待機していません"],
  [`stands in line for (.+) since ${TIME}`, (task, at) => `${at} から ${task} の順番待ちです`],
  [`is parked since ${TIME}`, (at) => `${at} から保留中です`],
  [`is stuck since ${TIME}`, (at) => `${at} から要確認です`],
  [`has ended \\((.+)\\) at ${TIME}`, (how, at) => `${at} に終わっています（${HOW[how] ?? how}）`],
  ["failed only a moment ago", () => "失敗した直後です"],
  ["has failed (\\d+) times", (n) => `${n}回失敗しています`],
  ["made a result too large for Step Functions", () => "結果が大きすぎて、Step Functions で扱えません"],
  ["its execution is gone, and its input with it; only a note on the spool may have it", () => "実行が消え、入力も残っていません。スプールのメッセージにだけ残っている可能性があります"],
  ["its execution is dead, and its claim does not say so yet: the next sweep sets that right", () => "実行は終わっていますが、まだ記録されていません。次の巡回点検で直ります"],
  ["Step Functions says that it can be redriven, and refused to: the next replay looks again", () => "リドライブできるはずですが、Step Functions に拒否されました。次の再処理でもう一度試します"],
  ["runs again, and is parked where it was when it was aborted: replay it once more, now", () => "再び動きましたが、中断されたときと同じところで保留中です。もう一度再処理してください"],
  ["its execution is dead, and the Map that started it goes on without it", () => "実行は終わっていますが、これを始めた Map はこのジョブなしで続いています"],
  ["has failed, and the Map that had started it went on to the end without it", () => "失敗していて、これを始めた Map はこのジョブなしで最後まで進みました"],
  ["the Map that started it can't be redriven any more: (.+)", () => "これを始めた Map は、もうリドライブできません。実行全体をもう一度始めて、このジョブは取りやめてください"],
  ["has failed with others of its Parallel or Map, and its execution went on without it", () => "同じ並列処理のほかのものと一緒に失敗し、実行はこのジョブなしで先へ進みました"],
  ["its execution can't be redriven any more, and what is only watched is restarted only if asked: (.+)", () => "この実行は、もうリドライブできません。監視だけのステートマシンのジョブは、頼まれないかぎり最初から実行し直しません"],
  ["its execution ended in a Fail state, which a redrive only enters again: (.+)", () => "実行は Fail ステートで終わっていて、リドライブしてもまた Fail になるだけです。頼まれないかぎり最初から実行し直しません"],
  ["its execution has ended again, in a Fail state: (.+)", () => "実行がまた Fail ステートで終わりました。扱いは次の巡回点検までに決まります"],
  ["its state machine is none of those that MACHINES names", () => "このジョブのステートマシンは、MACHINES に書かれていません"],
  ["its key belongs to a job that has not ended; it starts when that has", () => "同じキーのジョブがまだ終わっていません。それが終わると始まります"],
  ["waits in line: (.+)", (why) => `順番待ち：${why}`],
];
const WHOLE = [
  ["the job (.+?) ((?:is|has|stands|was) .+): there is nothing to put back", (key, why) => `ジョブ ${key} は${why}。再処理するものはありません。`],
  ["no job has the key (.+): it was never started, or ended more than (\\d+) days ago", (key, days) => `キー ${key} のジョブはありません。一度も始まっていないか、終わってから${days}日以上たっています。`],
  ["no job has the key (.+): it ended long ago, or was never started", (key) => `キー ${key} のジョブはありません。ずっと前に終わったか、一度も始まっていません。`],
  ["the replay (\\S+) ended at (\\S+): it can't be stopped any more", (id, at) => `この再処理は ${at} に終わっています。`],
];
const HOW = { finished: "完了", failed: "失敗", "given-up": "取りやめ", aborted: "停止" };

/** The sentence as people read it, with nothing in it that acts or names an ARN. */
export function reason(t, text) {
  return foreign(withoutArns(t.lang === "ja" ? inJapanese(text) : text));
}

function inJapanese(text) {
  const part = said(JA, text);
  if (part !== null) return part;
  for (const [pattern, say] of WHOLE) {
    const found = new RegExp(`^${pattern}$`, "s").exec(text);
    if (found) return say(...found.slice(1).map((each) => said(JA, each) ?? each));
  }
  return text;
}

function said(sentences, text) {
  for (const [pattern, say] of sentences) {
    const found = new RegExp(`^${pattern}$`, "s").exec(text);
    if (found) return say(...found.slice(1));
  }
  return null;
}
