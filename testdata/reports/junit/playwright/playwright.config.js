module.exports = {
  testDir: '.', testMatch: process.env.FILES, retries: 1, workers: 1,
  use: { launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] } },
  projects: [{ name: 'one' }],
};
