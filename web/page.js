// The page of tumord: studies, why each series became what it is, findings, pictures. All that
// came in DICOM is text and never markup.
"use strict";

const main = document.getElementById("studies");
let shown = "";

function make(name, text, parent) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

async function ask(path) {
  const answer = await fetch(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

const one = (value, digits) => Number(value).toFixed(digits);

// What PET says beside volume and mean, and of counts the ratio to what lies around.
function uptakeColumns(findings) {
  const columns = [];
  if (findings.total_tlg !== undefined)
    columns.push(["Max", "maximum"], ["Peak", "suv_peak"], ["TLG " + findings.tlg_unit, "tlg"]);
  if (findings.unit === "counts")
    columns.push(["Max", "maximum"], ["To background", "background_ratio"]);
  return columns;
}

function uptakeTotals(findings, parent) {
  if (findings.total_tlg !== undefined && findings.count > 0)
    make("p", "MTV " + one(findings.total_mtv_ml, 2) + " ml, TLG " + one(findings.total_tlg, 2) + " " +
         findings.tlg_unit, parent);
  for (const text of [findings.rule, findings.suv])
    if (text) make("p", text, parent);
}

function lesionTable(findings, parent) {
  const unit = findings.unit === "1" ? "" : " " + findings.unit;
  const box = make("div", undefined, parent);
  box.className = "scroll";
  const table = make("table", undefined, box);
  const head = make("tr", undefined, make("thead", undefined, table));
  const names = ["No"].concat(findings.planar ? ["View", "Area cm²"] : ["Volume ml", "Longest mm"],
                              [findings.planar ? "Axes mm" : "Axial mm", "Sphericity", "Mean ± SD" + unit]);
  const more = uptakeColumns(findings);
  const placed = findings.lesions.some(lesion => lesion.site);
  if (placed) names.splice(1, 0, "In");
  if (findings.synthetic)
    make("p", "Synthetic bodies of " + findings.synthetic.depth_mm + " mm were made of this slice: " +
         findings.synthetic.notice + ".", parent);
  const titles = names.concat(more.map(column => column[0]),
                              findings.synthetic ? ["Synthetic, voxels", "Longest, voxels"] : []);
  for (const name of titles)
    make("th", name, head).scope = "col";
  const body = make("tbody", undefined, table);
  for (const lesion of findings.lesions) {
    const row = make("tr", undefined, body);
    make("td", lesion.label, row);
    if (placed) make("td", lesion.site ? ((lesion.laterality || "") + " " + lesion.site).trim() : "–", row);
    make("td", findings.planar ? lesion.view : one(lesion.volume_mm3 / 1000, 2), row);
    make("td", findings.planar ? one(lesion.area_mm2 / 100, 2) : one(lesion.longest_mm, 1), row);
    make("td", one(lesion.axial_long_mm, 1) + " × " + one(lesion.axial_short_mm, 1), row);
    const shape = lesion.features && lesion.features.shape;
    make("td", shape ? one(shape.sphericity, 2) : "–", row);
    make("td", Number(lesion.mean.toPrecision(4)) + " ± " + Number(lesion.sd.toPrecision(3)), row);
    for (const column of more)
      make("td", lesion[column[1]] === undefined ? "–" : Number(lesion[column[1]].toPrecision(4)), row);
    const synthetic = lesion["synthetic, voxels"];
    if (synthetic) {
      make("td", synthetic.count, row);
      make("td", one(synthetic.longest, 0), row);
    }
  }
}

function objectPath(study, job, name) {
  return "/api/studies/" + study.study_uid + "/objects/" + job.id + "/" + name;
}

function pictures(study, job, parent) {
  const box = make("div", undefined, parent);
  box.className = "pictures";
  for (const object of job.objects.filter(o => o.kind === "picture")) {
    const link = make("a", undefined, box);
    link.href = objectPath(study, job, object.name);
    const image = make("img", undefined, link);
    image.src = link.href;
    image.loading = "lazy";
    image.alt = "Key image " + object.name;
  }
}

// One plane and its slider; a picture is asked for only when the one before has come.
function plane(series, name, facts, window, parent) {
  const figure = make("figure", undefined, parent);
  const image = make("img", undefined, figure);
  const caption = make("figcaption", undefined, figure);
  const slider = make("input", undefined, figure);
  let busy = false;
  slider.type = "range";
  slider.max = facts.count - 1;
  slider.value = Math.floor(facts.count / 2);
  slider.setAttribute("aria-label", name + " plane");
  image.width = facts.width;
  image.height = facts.height;
  function show() {
    if (busy) return;
    busy = true;
    const index = slider.value;
    image.alt = name + " plane " + (Number(index) + 1);
    caption.textContent = name + " " + (Number(index) + 1) + " of " + facts.count;
    image.onload = image.onerror = () => { busy = false; if (index !== slider.value) show(); };
    image.src = "/api/series/" + series.series_uid + "/planes/" + name + "/" + index
      + ".png?center=" + window.center + "&width=" + window.width;
  }
  slider.oninput = show;
  show();
}

// Axial, coronal and sagittal planes of the series, loaded when they are opened.
function planes(series, parent) {
  const details = make("details", undefined, parent);
  make("summary", "Planes", details);
  const box = make("div", undefined, details);
  box.className = "planes";
  details.ontoggle = async () => {
    if (!details.open || box.childElementCount > 0) return;
    const wait = make("p", "Loading the series …", box);
    try {
      const facts = await ask("/api/series/" + series.series_uid + "/planes");
      wait.remove();
      if (facts.resampled)
        make("p", "Its slices are tilted, uneven or missing: shown on an even grid.", box).className = "faint";
      for (const [name, one] of Object.entries(facts.planes)) plane(series, name, one, facts.window, box);
    } catch (error) {
      wait.textContent = error.message;
    }
  };
}

function objectLinks(study, job, parent) {
  const line = make("p", "Objects: ", parent);
  for (const object of job.objects.filter(o => o.kind !== "picture")) {
    const link = make("a", object.name, line);
    link.href = objectPath(study, job, object.name);
    line.append(" ");
  }
}

// The anatomy: numbers of what was found, and why the rest was not.
function organTable(findings, parent) {
  const unit = findings.unit === "1" ? "" : " " + findings.unit;
  const fold = make("details", "", parent);
  make("summary", findings.organs.filter(organ => organ.found).length + " organs", fold);
  const box = make("div", undefined, fold);
  box.className = "scroll";
  const table = make("table", undefined, box);
  const head = make("tr", undefined, make("thead", undefined, table));
  for (const name of ["Organ", "Volume ml", "Mean ± SD" + unit, "Median (5 to 95 %)", "Extent mm", "Confidence"])
    make("th", name, head).scope = "col";
  const body = make("tbody", undefined, table);
  for (const organ of findings.organs) {
    const row = make("tr", undefined, body);
    make("td", organ.name, row);
    if (!organ.found) {
      const cell = make("td", organ.why_not, row);
      cell.colSpan = 5;
      cell.className = "faint";
      continue;
    }
    make("td", one(organ.volume_ml, 1) + (organ.truncated ? ", cut off" : ""), row);
    make("td", one(organ.mean, 0) + " ± " + one(organ.sd, 0), row);
    make("td", one(organ.percentiles[2], 0) + " (" + one(organ.percentiles[0], 0) + " to "
         + one(organ.percentiles[4], 0) + ")", row);
    make("td", organ.extent_mm.map(extent => one(extent, 0)).join(" × "), row);
    make("td", one(organ.confidence, 2), row);
  }
}

// What of patient and scan matters for reading: units are in the names.
function acquisition(told, parent) {
  const text = Object.entries(told).map(fact => fact[0].replace(/_/g, " ") + " "
    + (typeof fact[1] === "number" ? Number(fact[1].toPrecision(5)) : fact[1])).join(", ");
  if (text !== "") make("p", text, parent).className = "faint";
}

// What other series that were laid on this one say of its lesions.
function laid(findings, parent) {
  for (const other of findings.laid || []) {
    const unit = other.unit === "1" ? "" : " " + other.unit;
    const told = findings.lesions.filter(lesion => lesion.laid[other.role].voxels > 0)
      .map(lesion => lesion.tracking_id + " " + Number(lesion.laid[other.role].mean.toPrecision(3)) + " ± "
           + Number(lesion.laid[other.role].sd.toPrecision(2)) + unit);
    make("p", "Laid on it: " + other.told + (told.length ? ". " + told.join(", ") : ""), parent).className = "faint";
  }
}

// One line on the volume before it was analysed; the warnings below it say what is wrong.
function quality(verdict, parent) {
  const known = verdict.checks.filter(check => check.verdict !== "unknown");
  const told = known.map(check => check.name + " " + Number(check.value.toPrecision(3))
                         + (check.unit ? " " + check.unit : ""));
  make("p", "Quality " + verdict.verdict + ": " + told.join(", "), parent).className = "faint";
}

// A series of several stacks of slices: which was analysed, and why not each of the others.
function stacks(findings, parent) {
  for (const stack of findings.stacks || [])
    make("p", (stack.analysed ? "Analysed: " : "Not analysed: ") + stack.slices + " " + stack.plane + " slices of "
         + stack.columns + " × " + stack.rows + (stack.reason ? ", " + stack.reason : ""), parent).className = "faint";
}

function showSeries(study, series, parent) {
  make("h3", [series.modality, series.description].filter(Boolean).join(" ")
       + ", " + series.instances + " instances", parent);
  make("p", series.reason || "not decided yet", parent);
  if (series.role) make("p", series.role, parent).className = "faint";
  const job = series.job;
  if (!job || !job.findings) return;
  planes(series, parent);
  uptakeTotals(job.findings, parent);
  if (job.findings.lesions.length > 0) lesionTable(job.findings, parent);
  laid(job.findings, parent);
  if (job.findings.organs) organTable(job.findings, parent);
  if (job.findings.acquisition) acquisition(job.findings.acquisition, parent);
  if (job.findings.quality) quality(job.findings.quality, parent);
  stacks(job.findings, parent);
  for (const warning of job.findings.warnings) make("p", "Warning: " + warning, parent).className = "faint";
  pictures(study, job, parent);
  objectLinks(study, job, parent);
}

function showDeliveries(study, parent) {
  if (study.deliveries.length === 0) return;
  make("h3", "Deliveries", parent);
  const list = make("ul", undefined, parent);
  for (const d of study.deliveries)
    make("li", d.peer + ": " + d.kind + " " + d.state
         + (d.reason ? " (" + d.reason + ")" : ""), list);
}

function showStudy(study) {
  const article = make("article", undefined, main);
  make("h2", study.patient_name || study.patient_id || "no name", article);
  make("p", [study.study_date, study.description, study.state,
             study.instances + " instances"].filter(Boolean).join(" · "), article).className = "faint";
  make("p", study.study_uid, article).className = "faint";
  for (const series of study.series) showSeries(study, series, article);
  showDeliveries(study, article);
}

async function refresh() {
  try {
    const list = await ask("/api/studies");
    const studies = await Promise.all(list.slice(0, 50).map(s => ask("/api/studies/" + s.study_uid)));
    const text = JSON.stringify(studies);
    if (text !== shown) {
      shown = text;
      main.replaceChildren();
      if (studies.length === 0) make("p", "No study has arrived yet.", main);
      studies.forEach(showStudy);
    }
  } catch (error) {
    shown = "";
    main.replaceChildren();
    make("p", "The node does not answer: " + error.message, main);
  }
  setTimeout(refresh, 4000);
}

ask("/api/node").then(node => {
  document.getElementById("node").textContent =
    node.ae_title + " listens on port " + node.dicom_port + ", version " + node.version;
}).catch(() => {});
refresh();
