// One story through the Node SDK; prints what it found as one line of JSON.
const { Resend } = await import(process.argv[2]);
const resend = new Resend(process.env.RESEND_API_KEY);
const good = {
  from: "Us <us@example.com>", to: "ana@example.org", subject: "Hello", html: "<p>It works.</p>", replyTo: "answers@example.com",
};
const must = ({ data, error }) => { if (error) throw new Error(JSON.stringify(error)); return data; };
const found = {};
const sent = must(await resend.emails.send({ ...good, attachments: [{ filename: "a.bin", content: Buffer.from([0, 1, 255]) }] }));
found.attachment = sent.id.length === 36;
found.html = must(await resend.emails.get(sent.id)).html;
found.batch = must(await resend.batch.send([good, good])).data.length;
const later = must(await resend.emails.send({ ...good, scheduledAt: "in 1 hour" }));
found.moved = must(await resend.emails.update({ id: later.id, scheduledAt: "in 2 days" })).id === later.id;
must(await resend.emails.cancel(later.id));
found.canceled = must(await resend.emails.get(later.id)).last_event;
const refused = (await resend.emails.send({ ...good, to: "nobody" })).error;
found.refused = [refused.name, refused.statusCode];
const once = { idempotencyKey: `story-${process.argv[2]}` };
const first = must(await resend.emails.send(good, once));
found.replayed = must(await resend.emails.send(good, once)).id === first.id;
// A refusal with its body unread, then a good call on the kept connection.
const stranger = new Resend("sd_wrong");
const large = { ...good, html: "x".repeat(60000) };
found.calls_after_refusals = 0;
for (let turn = 0; turn < 100; turn += 1) {
  found.wrong_key = (await stranger.emails.send(large)).error.name;
  must(await resend.emails.get(sent.id));
  found.calls_after_refusals += 1;
}
console.log(JSON.stringify(found));
