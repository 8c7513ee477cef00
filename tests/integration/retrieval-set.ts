/**
 * What retrieval is measured on: articles of an invented bicycle rental and its software, and
 * questions with the article that answers them. `meaning` shares few words with its answer; `words`
 * shares them; `exact` asks for something to the letter; `none` is answered nowhere.
 */
export interface SetArticle {
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly language?: string;
}

export interface SetQuestion {
  readonly kind: "meaning" | "words" | "exact" | "foreign" | "none";
  readonly query: string;
  /** The article that answers it; empty for none. */
  readonly key: string;
}

export const setArticles: readonly SetArticle[] = [
  {
    key: "refunds",
    title: "Refunds",
    body: "A rental that was paid can be given back within fourteen days. The amount returns to the card it came from, within five working days. Vouchers are paid out as vouchers.",
  },
  {
    key: "damage",
    title: "When a bicycle is damaged",
    body: "Report a dent, a bent wheel or a torn saddle before you ride off, with a photo. Damage that you report within ten minutes of unlocking is never charged to you.",
  },
  {
    key: "theft",
    title: "Stolen bicycles",
    body: "If somebody takes the bicycle while you have it, tell the police first and then us. With a police report your liability ends at 150 euros.",
  },
  {
    key: "helmets",
    title: "Helmets and children's seats",
    body: "Helmets hang in the box beside each station and cost nothing. A seat for a child up to 22 kilograms has to be reserved a day ahead.",
  },
  {
    key: "hours",
    title: "Opening times",
    body: "Stations never close. The workshop and the office are open from eight to six, on Saturdays until one, and not on Sundays.",
  },
  {
    key: "battery",
    title: "Electric bicycles: charging",
    body: "A full battery lasts some seventy kilometres. In frost it lasts half of that. Put the bicycle into any dock and it fills up within three hours.",
  },
  {
    key: "tyres",
    title: "Flat tyres",
    body: "Do not ride on. Lock the bicycle where you are, press the wrench in the app, and we bring you another one, mostly within half an hour. This is free of charge.",
  },
  {
    key: "password",
    title: "Lost access to your account",
    body: 'Choose "Forgotten" on the sign-in page. A link comes by e-mail and works once, for one hour. Afterwards set new credentials and sign in again on every device.',
  },
  {
    key: "invoice",
    title: "Invoices for companies",
    body: "Enter your company's address and tax number under Billing. The document for the past month is there on the second of each month, as PDF.",
  },
  {
    key: "group",
    title: "Riding with many people",
    body: "One account can unlock up to eight bicycles at once. For more than twenty write to us two weeks before; there are reduced prices for schools.",
  },
  {
    key: "winter",
    title: "Snow and ice",
    body: "When the roads are slippery we switch off electric support and may shut stations on hills. Running rentals are never ended by this.",
  },
  {
    key: "parking",
    title: "Where to leave the bicycle",
    body: "End the rental at a station or within a green area of the map. Elsewhere a fee of twelve euros covers the van that brings it back.",
  },
  {
    key: "privacy",
    title: "What we know about you",
    body: "We keep where rentals begin and end for ninety days. Routes in between are not recorded. On request everything about a person is erased within a month.",
  },
  {
    key: "lock",
    title: "The lock does not open",
    body: "Hold the telephone against the lock with Bluetooth switched on. If the lamp blinks red three times, its own battery is empty: take another bicycle, nothing is charged.",
  },
  {
    key: "api-errors",
    title: "Error codes of the rental API",
    body: "| code | meaning |\n|---|---|\n| `RNT-4031` | the wallet does not cover a deposit |\n| `RNT-4092` | the bicycle is reserved by somebody else |\n| `RNT-5030` | the station cannot be reached; try again after the time in `Retry-After` |",
  },
  {
    key: "webhooks",
    title: "Webhooks",
    body: "Set `callback_url` on a fleet and we post `rental.started` and `rental.ended` to it. Each message carries `X-Velo-Signature`, an HMAC of the body. We repeat for a day until your server answers 2xx.",
  },
  {
    key: "cli",
    title: "The command line tool",
    body: "`velo fleet list --stale-after 10m` shows bicycles that have been silent. `velo unlock --force` needs the role dispatcher. Settings are read from `VELO_HOME`.",
  },
  {
    key: "limits",
    title: "How often programs may call",
    body: "Sixty calls a minute for each key. Beyond that the answer is status 429, and the header tells when to come back. Ask for more if a city needs it.",
  },
  {
    key: "jobs",
    title: "Working for us",
    body: "We look for mechanics and for drivers of the collecting vans. Send a few lines about yourself; certificates are not needed. Trial days are paid.",
  },
  {
    key: "insurance",
    title: "Who pays after an accident",
    body: "Harm that you do to others is covered up to five million. Your own injuries are a matter for your health insurance. Tell us within two days, whoever was at fault.",
  },
  {
    key: "subscription",
    title: "Monthly plan",
    body: "For nineteen euros a month the first thirty minutes of every ride are included. It renews by itself and can be ended until the last day, without a reason.",
  },
  {
    key: "stations",
    title: "Asking for a new station",
    body: "Anybody may propose a place on the map. With fifty supporters the city and we look at it; building takes about four months after that.",
  },
  {
    key: "remboursement",
    title: "Pannes de vélo électrique",
    language: "fr",
    body: "Si le moteur s'arrête, éteignez le vélo pendant dix secondes puis rallumez-le. Si la panne continue, rendez-le à la station la plus proche : la location est gratuite.",
  },
  {
    key: "fundsachen",
    title: "Fundsachen",
    language: "de",
    body: "Gegenstände, die in Fahrradkörben vergessen wurden, bewahren wir sechs Wochen im Büro auf. Abholen können Sie sie gegen Vorlage eines Ausweises.",
  },
  {
    key: "押金",
    title: "押金说明",
    language: "zh-Hans",
    body: "首次租车需要支付押金二百元。还车后押金会在三个工作日内自动退回原支付账户。",
  },
];

export const setQuestions: readonly SetQuestion[] = [
  { kind: "meaning", key: "refunds", query: "Can I get my money back?" },
  { kind: "meaning", key: "refunds", query: "how long until I see the reimbursement" },
  { kind: "meaning", key: "damage", query: "the bike was already broken when I picked it up" },
  { kind: "meaning", key: "theft", query: "my bike got robbed, what will it cost me" },
  { kind: "meaning", key: "helmets", query: "I want to take my toddler along" },
  { kind: "meaning", key: "helmets", query: "protection for my head" },
  { kind: "meaning", key: "hours", query: "is somebody there at the weekend" },
  { kind: "meaning", key: "battery", query: "how far can I get on one charge when it is cold" },
  { kind: "meaning", key: "tyres", query: "I have a puncture" },
  { kind: "meaning", key: "password", query: "I cannot log in any more" },
  { kind: "meaning", key: "invoice", query: "my firm needs a receipt with VAT" },
  { kind: "meaning", key: "group", query: "we are a class of thirty pupils" },
  { kind: "meaning", key: "winter", query: "does the motor work when it freezes" },
  { kind: "meaning", key: "parking", query: "may I drop it off anywhere I like" },
  { kind: "meaning", key: "privacy", query: "do you track my movements" },
  { kind: "meaning", key: "privacy", query: "delete my data" },
  { kind: "meaning", key: "lock", query: "it will not unlock" },
  { kind: "meaning", key: "jobs", query: "are you hiring" },
  { kind: "meaning", key: "insurance", query: "I hit a pedestrian" },
  { kind: "meaning", key: "subscription", query: "how do I cancel my membership" },
  { kind: "meaning", key: "stations", query: "there is no dock in my neighbourhood" },
  { kind: "meaning", key: "webhooks", query: "how does my server learn that a ride is over" },
  { kind: "words", key: "refunds", query: "rental given back within fourteen days" },
  { kind: "words", key: "theft", query: "police report liability" },
  { kind: "words", key: "limits", query: "calls a minute for each key" },
  { kind: "words", key: "parking", query: "fee for ending the rental outside the green area" },
  { kind: "words", key: "subscription", query: "monthly plan first thirty minutes included" },
  { kind: "words", key: "insurance", query: "accident covered up to five million" },
  { kind: "exact", key: "api-errors", query: "What does RNT-4092 mean?" },
  { kind: "exact", key: "api-errors", query: "RNT-5030" },
  { kind: "exact", key: "webhooks", query: "verify X-Velo-Signature" },
  { kind: "exact", key: "webhooks", query: "when is rental.ended sent" },
  { kind: "exact", key: "cli", query: "what is --stale-after for" },
  { kind: "exact", key: "cli", query: "set VELO_HOME" },
  { kind: "exact", key: "limits", query: "I get a 429" },
  { kind: "exact", key: "webhooks", query: 'the "callback_url" setting' },
  { kind: "foreign", key: "remboursement", query: "le moteur de mon vélo s'est arrêté" },
  { kind: "foreign", key: "fundsachen", query: "ich habe etwas im Fahrradkorb vergessen" },
  { kind: "foreign", key: "押金", query: "押金什么时候退回" },
  { kind: "none", key: "", query: "What is the capital of Mongolia?" },
  { kind: "none", key: "", query: "write a poem about the sea" },
  { kind: "none", key: "", query: "hello" },
  { kind: "none", key: "", query: "explain quantum entanglement to a physicist" },
  { kind: "none", key: "", query: "convert 12 inches to centimetres" },
  { kind: "none", key: "", query: "may my dog ride in the basket" },
  { kind: "none", key: "", query: "do you sell used bicycles" },
  { kind: "none", key: "", query: "best recipe for lentil soup" },
];
