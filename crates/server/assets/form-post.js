// Sends the answer on at once; without script the visible button does (OAuth 2.0 Form Post Response Mode).
document.getElementById("answer").submit();
