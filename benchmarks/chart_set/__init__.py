"""Random charts of known values, as the common tools draw them: `chart(seed)`."""

from benchmarks.chart_set.draw import LIBRARIES, SampleChart, chart, tricky_chart

__all__ = ["LIBRARIES", "SampleChart", "chart", "tricky_chart"]
