module.exports = (config) => config.set({
  basePath: '', frameworks: ['jasmine'], files: [process.env.FILE], singleRun: true, autoWatch: false,
  plugins: ['karma-jasmine', 'karma-chrome-launcher', 'karma-junit-reporter'],
  client: { jasmine: { random: false } },
  browsers: ['Bare'], customLaunchers: { Bare: { base: 'ChromeHeadless', flags: ['--no-sandbox'] } },
  reporters: ['junit'], junitReporter: { outputDir: '.', outputFile: process.env.OUT, useBrowserName: false },
});
