"""How the page looks, on a screen and on A4 paper."""

STYLE = """
@page { size: A4; margin: 12mm }
* { box-sizing: border-box }
body { font: 10.5pt/1.4 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1a1a1a;
  background: white; max-width: 186mm; margin: 8mm auto; padding: 0 2mm }
h1 { font-size: 19pt; margin: 0; font-weight: 600; overflow-wrap: anywhere }
h2 { font-size: 12.5pt; margin: 7mm 0 1.5mm; border-bottom: 1px solid #ccc; font-weight: 600 }
h3 { font-size: 10.5pt; margin: 3mm 0 1mm; font-weight: 600 }
h3 small { font-weight: 400; color: #555 }
p { margin: 1mm 0 }
header p { color: #444 }
.disclaimer { font-size: 9pt; color: #8a3b00 }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 2.5mm; margin-top: 4mm }
.tiles div { border: 1px solid #d5d5d5; border-radius: 2mm; padding: 2mm 2mm 1.5mm;
  text-align: center }
.tiles b { font-size: 18pt; font-weight: 600 }
.tiles small { color: #555; margin-left: .5mm }
.tiles span { display: block; font-size: 9pt; color: #444 }
.fine, .doubts { border-left: 1mm solid #009e73; padding: .5mm 0 .5mm 3mm; margin-top: 4mm;
  font-size: 9.5pt }
.doubts { border-color: #d55e00 }
.doubts h2 { border: 0; margin: 0; font-size: 10.5pt }
.doubts ul { margin: 0; padding-left: 5mm }
.slices { display: grid; grid-template-columns: repeat(6, 1fr); gap: 1.5mm }
figure { margin: 0; break-inside: avoid }
figure svg { display: block; width: 100% }
.slices svg { background: black; border-radius: .7mm }
figcaption { font-size: 8.5pt; color: #444; text-align: center }
figcaption em { color: #d55e00; font-weight: 700; font-style: normal }
.side { fill: #ddd; font-size: 9px; text-anchor: middle; font-family: inherit }
.key { margin-left: 3mm; white-space: nowrap; font-size: 9.5pt }
.key i { display: inline-block; width: 5mm; height: 1mm; margin-right: 1.2mm;
  vertical-align: middle }
.curve { width: 150mm; max-width: 100%; display: block }
.axis { font-size: 11px; fill: #444 }
.middle { text-anchor: middle }
.end { text-anchor: end }
.grid { stroke: #e4e4e4 }
.phase { stroke: #888; stroke-dasharray: 3 3 }
.plots { display: grid; grid-template-columns: repeat(3, 1fr); gap: 4mm; max-width: 180mm }
.plots .scale:nth-child(2) { grid-column: 3 }
.bullseye path { stroke: #777; stroke-width: .7 }
.value { font-size: 10px }
section { break-inside: auto }
h2, h3 { break-after: avoid }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt }
th { text-align: left; font-weight: 600; border-bottom: 1px solid #999; padding: .6mm 2mm .6mm 0 }
td { border-bottom: 1px solid #eee; padding: .6mm 2mm .6mm 0; vertical-align: top }
tr { break-inside: avoid }
.number { text-align: right; font-variant-numeric: tabular-nums; padding-right: 2mm }
.digest { font: 7.5pt ui-monospace, monospace; overflow-wrap: anywhere; max-width: 70mm }
.provenance { font-size: 9pt; color: #333; break-inside: avoid }
@media print {
  body { margin: 0; max-width: none; padding: 0 1mm; font-size: 9.5pt }
  h2 { margin-top: 4.5mm }
  table { font-size: 8.5pt }
  td, th { padding-top: .3mm; padding-bottom: .3mm }
  .curve { width: 104mm }
  table + p, table + p + p { font-size: 8.5pt }
  .plots { max-width: 156mm }
}
* { -webkit-print-color-adjust: exact; print-color-adjust: exact }
"""
