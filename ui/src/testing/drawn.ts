/** Stands where the drawing library would: it keeps what it was given. */
import type uPlot from 'uplot';

export default class Drawn {
  /** The charts on the page, oldest first. */
  static readonly charts: Drawn[] = [];
  data: uPlot.AlignedData;
  readonly options: uPlot.Options;
  readonly host: HTMLElement;

  constructor(options: uPlot.Options, data: uPlot.AlignedData, host: HTMLElement) {
    this.options = options;
    this.data = data;
    this.host = host;
    Drawn.charts.push(this);
  }

  setData(data: uPlot.AlignedData) {
    this.data = data;
  }

  setSize() {}
  redraw() {}

  destroy() {
    Drawn.charts.splice(Drawn.charts.indexOf(this), 1);
  }
}
