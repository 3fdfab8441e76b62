"""A plot of what a run found."""

import pygal
from pygal.style import Style

from bench.results import BATCHES, Results, medians, rate
from bench.summary import median

STYLE = Style(
    background="white",
    plot_background="white",
    colors=("#9ecae1", "#4292c6", "#084594"),
    font_family="sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    title_font_size=16,
    legend_font_size=13,
    value_font_size=11,
)


def svg(results: Results) -> bytes:
    """Return saturated deliveries a second, by batch, as an SVG; what does not count is missing."""
    chart = pygal.HorizontalBar(
        title="Saturated: 1,000 deliveries a second on one core, 1,000 clients, 330 bytes",
        style=STYLE,
        width=1000,
        height=620,
        js=[],
        no_prefix=True,
        legend_at_bottom=True,
        print_values=True,
        truncate_label=-1,
        max_scale=8,
        value_formatter=lambda value: f"{value:,.0f}" if value else "",
    )
    rows = [row for row in reversed(results.rows.values()) if not row.absent]
    chart.x_labels = [row.title.replace("*", "").replace("`", "") for row in rows]
    for batch in BATCHES:
        title = "1 message at once" if batch == 1 else f"{batch} messages at once"
        found = [median(medians(row, rate(batch))) for row in rows]
        chart.add(title, [value / 1000 if value else None for value in found])
    image: bytes = chart.render()
    return image
