// Verifies signed events with the libraries that receivers use; reads a JSON list from standard input, answers one too.
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { Resend } from "resend";

const pick = (headers, family) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith(family)));
const ways = {
  standardwebhooks: ({ secret, body, headers }) => new Standard(secret).verify(body, pick(headers, "webhook-")),
  svix: ({ secret, body, headers }) => new Svix(secret).verify(body, pick(headers, "svix-")),
  "svix with webhook-*": ({ secret, body, headers }) => new Svix(secret).verify(body, pick(headers, "webhook-")),
  resend: ({ secret, body, headers }) =>
    new Resend("re_test").webhooks.verify({
      payload: body,
      headers: { id: headers["svix-id"], timestamp: headers["svix-timestamp"], signature: headers["svix-signature"] },
      webhookSecret: secret,
    }),
};

let text = "";
for await (const chunk of process.stdin) text += chunk;
const answers = [];
for (const item of JSON.parse(text)) {
  const verdicts = {};
  for (const [name, verify] of Object.entries(ways)) {
    try {
      verify(item);
      verdicts[name] = true;
    } catch (error) {
      verdicts[name] = false;
    }
  }
  answers.push(verdicts);
}
console.log(JSON.stringify(answers));
