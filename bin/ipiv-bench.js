#!/usr/bin/env node
// CommonJS, as everything that the command is made of: node takes a while to get ready for ES modules.
require('./load.js').load('main.js');
