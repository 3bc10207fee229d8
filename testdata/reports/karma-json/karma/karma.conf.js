// FILES says which files run, REPORTER and REPORT which report is written where.
module.exports = function (config) {
  config.set({
    frameworks: ['jasmine'],
    client: { jasmine: { random: false } },
    files: process.env.FILES.split(' '),
    reporters: [process.env.REPORTER],
    jsonReporter: { stdout: false, outputFile: process.env.REPORT },
    jsonResultReporter: { outputFile: process.env.REPORT, isSynchronous: true },
    plugins: ['karma-jasmine', 'karma-chrome-launcher', 'karma-json-reporter', 'karma-structured-json-reporter'],
    browsers: ['Headless'],
    customLaunchers: { Headless: { base: 'ChromeHeadless', flags: ['--no-sandbox'] } },
    browserNoActivityTimeout: 5000,
    singleRun: true,
  });
};
