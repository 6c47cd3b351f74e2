#!/usr/bin/env node
import '../build/command/main.js';
