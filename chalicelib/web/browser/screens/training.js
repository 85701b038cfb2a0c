// Courses: find, check, buy. Trainings: the balance, the code, taking back, the review.

import { day, go, last, rupiah, t, when } from "../common/core.js";
import { account, call, mine, Refused } from "../common/net.js";
import { Act, Answers, Await, Empty, Field, Form, html, Link, Notice, Radios, Screen, Select, Sure, useForm, useRead, useState } from "../common/parts.js";
import { list, named, provinces } from "../common/references.js";

const place = (course) => (course.mode === "online" ? t("Daring", "Online")
  : `${t("Tatap muka", "In person")}, ${named("regions", course.province)}`);

const Card = ({ course }) => html`<li class="card"><h2><${Link} to=${`katalog/${course.course_id}`}>${course.title}<//></h2>
  <p>${course.provider_name}</p><p><strong>${rupiah(course.price_idr)}</strong>, ${course.hours} ${t("jam", "hours")}, ${place(course)}</p></li>`;

function Catalogue() {
  const form = useForm("cari", { q: "", mode: "", province: "" });
  const [asked, setAsked] = useState({});
  const [more, setMore] = useState([]);
  const query = (cursor) => {
    const given = Object.entries({ ...asked, cursor }).filter(([, value]) => value);
    return `/courses${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  };
  const found = useRead({ list: query("") }, {});
  const area = list("regions");
  return html`<${Screen} title=${t("Katalog pelatihan", "Courses")}>
    <${Form} form=${form} title=${t("Katalog pelatihan", "Courses")} label=${t("Cari", "Search")} busyLabel=${t("Mencari...", "Searching...")}
      send=${async ({ q, mode, province }) => {
        setAsked({ q: q.trim(), mode, province: mode === "online" ? "" : province });
      }}>
      <${Field} form=${form} field="q" label=${t("Kata dalam judul", "Words in the title")} type="search" autocomplete="off" />
      <${Select} form=${form} field="mode" label=${t("Cara belajar", "How it is held")} options=${[["online", t("Daring", "Online")], ["offline", t("Tatap muka", "In person")]]} none=${t("Semua", "All")} />
      ${form.values.mode === "offline" && area && html`<${Select} form=${form} field="province" label=${t("Provinsi", "Province")} options=${provinces()} none=${t("Semua", "All")} />`}<//>
    <${Await} found=${found}>${({ list }) => {
      const pages = [list, ...more.filter((one) => one.asked === asked)], all = pages.flatMap(({ courses }) => courses), next = pages[pages.length - 1].next_cursor;
      return html`${all.length ? html`<ul class="cards">${all.map((course) => html`<${Card} course=${course} key=${course.course_id} />`)}</ul>`
        : html`<p role="status">${t("Tidak ada pelatihan yang cocok. Kurangi saringan.", "No course fits. Use fewer filters.")}</p>`}
        ${next && html`<${Act} quiet act=${async () => setMore([...more, { ...await call("GET", query(next)), asked }])}>${t("Lebih banyak", "More")}<//>`}`;
    }}<//><//>`;
}

function Course({ id }) {
  const paths = { course: `/courses/${encodeURIComponent(id)}`, ...account() && { me: "/me" } };
  const found = useRead(paths, account() ? { own: true } : {});
  return html`<${Await} found=${found}>${({ course, me }) => html`<${Screen} title=${course.title} back="katalog">
    ${course.description && html`<p>${course.description}</p>`}
    <${Answers} rows=${[[t("Penyelenggara", "Provider"), course.provider_name], [t("Harga", "Price"), rupiah(course.price_idr)],
      [t("Lama", "Length"), `${course.hours} ${t("jam", "hours")}`],
      course.starts_on && [t("Mulai", "Starts"), day(course.starts_on)], course.ends_on && [t("Selesai", "Ends"), day(course.ends_on)],
      [t("Tempat", "Place"), place(course)], course.redeem_at && [t("Kode dipakai di", "Use the code at"), course.redeem_at], [t("Keterampilan", "Skills"), course.skills.map((one) => named("skills", one)).join(", ")]]} />
    <${Buy} course=${course} me=${me} /><//>`}<//>`;
}

/** What buying means, and the button; or why it cannot be bought. */
function Buy({ course, me }) {
  const place_ = me && me.beneficiary, able = place_ && ["POTENTIAL", "ACTIVE", "GRADUATED"].includes(place_.state);
  if (!course.offered) return html`<${Notice}>${t("Pelatihan ini tidak ditawarkan lagi.", "This course is no longer offered.")}<//>`;
  if (!able) return html`<${Notice}>${t("Yang terpilih dalam undian dapat membeli.", "Whoever is chosen in a draw can buy.")}<//>`;
  if (me.balance_idr < course.price_idr) {
    return html`<${Notice}>${t(`Saldo Anda ${rupiah(me.balance_idr)}, tidak cukup.`, `Your balance is ${rupiah(me.balance_idr)}: not enough.`)}<//>`;
  }
  const buy = () => mine("POST", "/me/trainings", { course_id: course.course_id }).then(({ training_id: id }) => go(`pelatihan/${id}`));
  return html`<p>${t("Saldo Anda", "Your balance")}: ${rupiah(me.balance_idr)}</p><${Sure} act=${buy} quiet=${false} label=${t("Pilih pelatihan ini", "Choose this course")} sure=${t("Beli", "Buy")}>
    <h2>${t("Beli pelatihan ini?", "Buy this course?")}</h2>
    <p>${t(`Saldo menjadi ${rupiah(me.balance_idr - course.price_idr)}. Anda mendapat kode untuk ${course.provider_name}.`,
    `Your balance becomes ${rupiah(me.balance_idr - course.price_idr)}. You get a code for ${course.provider_name}.`)}</p>
    <//>`;
}

const STATES = {
  PURCHASED: ["Dibeli; kode belum dipakai", "Bought; code not used"],
  CANCELLED: ["Dibatalkan", "Taken back"],
  REDEEMED: ["Kode dipakai", "Code used"],
  ATTENDED: ["Sedang berjalan", "Under way"],
  COMPLETED: ["Selesai", "Completed"],
};

function Trainings() {
  const found = useRead({ list: "/me/trainings" });
  return html`<${Screen} title=${t("Pelatihan saya", "My training")}><${Await} found=${found}>${({ list: { balance_idr: balance, trainings } }) => html`
    ${balance !== null && html`<p>${t("Saldo pelatihan", "Training balance")}: <strong>${rupiah(balance)}</strong>, ${t("bukan tunai", "not cash")}.</p>`}
    ${trainings.length ? html`<ul class="cards">${trainings.map((one) => html`<li class="card"><h2><${Link} to=${`pelatihan/${one.training_id}`}>${one.title}<//></h2>
      <p>${t(...STATES[one.state])}, ${rupiah(one.price_idr)}</p></li>`)}</ul>` : html`<${Empty} thing=${["pelatihan", "training"]} />`}
    <p><${Link} to="katalog">${t("Katalog pelatihan", "Courses")}<//></p>`}<//><//>`;
}

const grouped = (code) => code.replace(/(.{4})(?=.)/g, "$1-");

function Training({ id, rest: [part] }) {
  const found = useRead({ list: "/me/trainings", me: "/me" });
  return html`<${Await} found=${found}>${({ list: { trainings }, me }, { again }) => {
    const one = trainings.find(({ training_id: each }) => each === id);
    if (!one) return html`<${Screen} title=${t("Tidak ditemukan", "Not found")} back="pelatihan" />`;
    return part === "ulasan" ? html`<${Review} training=${one} again=${again} />` : html`<${Code} training=${one} me=${me} again=${again} />`;
  }}<//>`;
}

function Code({ training, me, again }) {
  const { state, provider_name: provider } = training, live = ["PURCHASED", "REDEEMED", "ATTENDED"].includes(state);
  return html`<${Screen} title=${training.title} back="pelatihan">
    ${live && html`<p>${t(`Tunjukkan kode dan nomor kartu hanya kepada ${provider}.`, `Show the code and card number to ${provider} only.`)}</p>
      <h2>${t("Kode", "Code")}</h2><p class="code">${grouped(training.redeem_code)}</p>
      ${me.beneficiary && html`<h2>${t("Nomor kartu", "Card number")}</h2><p class="code">${grouped(me.beneficiary.card_number)}</p>`}`}
    <${Answers} rows=${[[t("Status", "State"), t(...STATES[state])], [t("Penyelenggara", "Provider"), provider], [t("Harga", "Price"), rupiah(training.price_idr)],
      [t("Dibeli", "Bought"), when(training.purchased_at)], training.completed_at && [t("Selesai", "Completed"), when(training.completed_at)],
      training.certificate_number && [t("Nomor sertifikat", "Certificate number"), training.certificate_number],
      training.review && [t("Ulasan Anda", "Your review"), `${training.review.rating}/10. ${training.review.text}`]]} />
    <p><${Link} to=${`katalog/${training.course_id}`}>${t("Isi, jadwal dan tempat", "Content, dates and place")}<//></p>
    ${state === "COMPLETED" && !training.review && html`<p><${Link} main to=${`pelatihan/${training.training_id}/ulasan`}>${t("Tulis ulasan", "Write review")}<//></p>`}
    ${training.cancellable_until && state === "PURCHASED" && html`<${Cancel} training=${training} again=${again} />`}<//>`;
}

const Cancel = ({ training, again }) => html`<h2>${t("Berubah pikiran?", "Changed your mind?")}</h2><p>${t(`Dapat dibatalkan sampai ${last(training.cancellable_until)}. Harganya kembali ke saldo.`,
  `Can be taken back until ${last(training.cancellable_until)}. Its price returns to your balance.`)}</p>
  <${Sure} act=${() => mine("POST", `/me/trainings/${training.training_id}/cancellation`).then(again)} label=${t("Batalkan pembelian", "Take it back")} sure=${t("Ya, batalkan", "Yes, take it back")}>
    <p>${t("Kode ini tidak berlaku lagi setelahnya.", "The code is worth nothing then.")}</p><//>`;

function Review({ training, again }) {
  const form = useForm(`ulasan:${training.training_id}`, { rating: "", text: "" });
  const title = t("Tulis ulasan", "Write a review");
  if (training.review) {
    return html`<${Screen} title=${t("Terima kasih", "Thank you")} back="pelatihan"><${Notice} kind="good">${t("Ulasan Anda tersimpan. Isinya tidak mengubah pembayaran.",
      "Your review is kept. It changes no payment.")}<//><p><${Link} main to="uang">${t("Lihat pembayaran", "See payments")}<//></p><//>`;
  }
  return html`<${Screen} title=${title} back="pelatihan"><p>${training.title}, ${training.provider_name}</p>
    <${Form} form=${form} title=${title} label=${t("Kirim ulasan", "Send review")}
      check=${({ rating, text }) => ({ rating: rating === "" ? t("Pilih angka 0 sampai 10.", "Choose 0 to 10.") : "",
        text: !text.trim() ? t("Tulis beberapa kata.", "Write a few words.") : text.length > 2000 ? t("Paling banyak 2.000 huruf.", "2,000 characters at most.") : "" })}
      send=${async ({ rating, text }) => {
        await mine("POST", `/me/trainings/${training.training_id}/review`, { rating: Number(rating), text }).catch((error) => {
          if (!(error instanceof Refused) || error.code !== "already_reviewed") throw error;
        });
        await form.drop();
        again();
      }}>
      <${Radios} form=${form} field="rating" label=${t("Nilai Anda", "Your rating")} hint=${t("0 buruk sekali, 10 baik sekali", "0 very bad, 10 very good")}
        options=${Array.from({ length: 11 }, (_, at) => [String(at), String(at)])} />
      <${Field} form=${form} field="text" rows=${5} label=${t("Apa yang baik, apa yang kurang?", "What was good, what was not?")} /><//><//>`;
}

export const screens = {
  katalog: ({ rest: [id] }) => (id ? html`<${Course} id=${id} />` : html`<${Catalogue} />`),
  pelatihan: ({ rest: [id, ...rest] }) => (id ? html`<${Training} id=${id} rest=${rest} />` : html`<${Trainings} />`),
};
